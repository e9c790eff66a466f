//! Devices that receive push notifications.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_events::{DeviceId, UserId};

/// How many devices a user may have.
pub const MAX_PER_USER: usize = 10;
pub const MAX_DEVICE_ID: usize = 128;
pub const MAX_PUSH_TOKEN: usize = 4096;

/// The system that a device runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeviceType {
    Android,
    Ios,
    Web,
}

impl DeviceType {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "android" => Ok(Self::Android),
            "ios" => Ok(Self::Ios),
            "web" => Ok(Self::Web),
            _ => Err("must be android, ios or web"),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
            Self::Web => "web",
        }
    }
}

/// A device as the API shows it; its push token never leaves the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Device {
    /// The device's id.
    #[schema(value_type = i64, example = 1)]
    pub id: DeviceId,
    #[serde(skip)]
    pub user_id: UserId,
    /// The name that the app gave to the device.
    #[schema(example = "9b2f6c1e-phone")]
    pub device_id: String,
    /// The system that the device runs, by which it gets notifications.
    pub device_type: DeviceType,
    /// False once another user has registered its push token, or the push service does not know it any more.
    pub has_push_token: bool,
    /// When it was registered first.
    #[serde(with = "shared_events::date::zoned")]
    pub registered_on: DateTime<Utc>,
}

/// The id that an app gives its device: 1–128 printable ASCII characters without blanks.
pub fn device_id(text: &str) -> Result<String, &'static str> {
    let valid = (1..=MAX_DEVICE_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if valid { Ok(text.to_owned()) } else { Err("must be 1–128 printable characters without blanks") }
}

/// The token by which a push service reaches an app on a device. It has no `Debug`, `Display` or `Serialize`.
#[derive(Clone)]
pub struct PushToken(String);

impl PushToken {
    /// 16–4096 printable ASCII characters without blanks.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let valid = (16..=MAX_PUSH_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if valid { Ok(Self(text.to_owned())) } else { Err("must be 16–4096 printable characters without blanks") }
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}
