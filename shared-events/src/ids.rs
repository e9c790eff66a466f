//! Identifiers. A number from one table cannot be passed where another table's is expected.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: a whole number from 1 to 9223372036854775807 is expected")]
pub struct IdError;

macro_rules! numeric_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(i64);

        impl $name {
            /// Takes a number from 1 to `i64::MAX`.
            pub fn try_new(value: i64) -> Result<Self, IdError> {
                if value >= 1 { Ok(Self(value)) } else { Err(IdError) }
            }

            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = IdError;
            fn try_from(value: i64) -> Result<Self, IdError> {
                Self::try_new(value)
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                // One id has one form, and so one address: no sign, and no zeros in front.
                if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(IdError);
                }
                text.parse::<i64>().map_err(|_| IdError).and_then(Self::try_new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

numeric_id! {
    /// A person who can log in.
    UserId,
    /// A customer of a bank; belongs to one user.
    ClientId,
    BankId,
    BranchId,
    CityId,
    SocialStatusId,
    RoleId,
    AccountId,
    CardId,
    /// A device that takes push notifications.
    DeviceId,
}

/// An event's identity: a `UUIDv7` made in the transaction that caused it. It is also the log's unique key and the local part
/// of the mail's Message-ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct EventId(pub Uuid);

/// Namespace of ids that are derived from content, so that the same content always has the same id.
const CONTENT_NAMESPACE: Uuid = Uuid::from_u128(0x9c3f_6f0a_54d1_5e0b_8a57_1f6d_2b7c_4e11);

impl EventId {
    /// The id of a message that came without one: `UUIDv5` over its routing key and body.
    pub fn from_content(routing_key: &str, body: &[u8]) -> Self {
        let mut content = Vec::with_capacity(routing_key.len() + 1 + body.len());
        content.extend_from_slice(routing_key.as_bytes());
        content.push(0);
        content.extend_from_slice(body);
        Self(Uuid::new_v5(&CONTENT_NAMESPACE, &content))
    }

    /// The id of a message that answers this event: the same answer given twice has the same id.
    #[must_use]
    pub fn derive(self, purpose: &str) -> Self {
        Self(Uuid::new_v5(&self.0, purpose.as_bytes()))
    }

    /// When the event with this id and this date happened: with the id's milliseconds if the id was made within the second
    /// of the date, since dates have whole seconds on the wire.
    pub fn occurred_at(self, date: DateTime<Utc>) -> DateTime<Utc> {
        let made_at = self.0.get_timestamp().and_then(|made_at| {
            let (seconds, nanos) = made_at.to_unix();
            DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
        });
        made_at.filter(|made_at| made_at.timestamp() == date.timestamp()).unwrap_or(date)
    }
}

impl FromStr for EventId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_decimal_numbers_are_ids() {
        assert_eq!("7".parse::<UserId>().map(UserId::get), Ok(7));
        for bad in ["", "0", "-1", "+1", "01", "007", "1.0", "abc", "18446744073709551616", " 1"] {
            assert_eq!(bad.parse::<UserId>(), Err(IdError), "{bad:?}");
        }
    }

    #[test]
    fn the_id_has_the_milliseconds_that_the_date_lacks() {
        let at = |seconds, nanos| DateTime::from_timestamp(seconds, nanos).unwrap();
        // A `UUIDv7` begins with the milliseconds since 1970 in 48 bits: here 1,737,047,426,250.
        let id = EventId(Uuid::from_u128((1_737_047_426_250 << 80) | (7 << 76) | (2 << 62)));
        assert_eq!(id.occurred_at(at(1_737_047_426, 0)), at(1_737_047_426, 250_000_000));
        assert_eq!(id.occurred_at(at(1_737_047_425, 0)), at(1_737_047_425, 0), "made in another second");
        let derived = EventId::from_content("a.b", b"{}");
        assert_eq!(derived.occurred_at(at(1_737_047_426, 0)), at(1_737_047_426, 0));
    }

    #[test]
    fn a_derived_id_depends_on_every_part() {
        let id = EventId::from_content("a.b", b"{}");
        assert_eq!(id, EventId::from_content("a.b", b"{}"));
        assert_ne!(id, EventId::from_content("a.c", b"{}"));
        assert_ne!(id, EventId::from_content("a.b", b"{ }"));
        assert_ne!(id.derive("email.sent"), id.derive("email.rejected"));
    }
}
