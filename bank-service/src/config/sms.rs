//! How text messages are sent.

use std::path::PathBuf;

use clap::Args;
use service_kit::config::{Faults, Secret};
use url::Url;

/// Flags and variables of the provider of text messages; secrets are also read from `NAME_FILE`.
#[derive(Debug, Clone, Default, Args)]
pub struct SmsOptions {
    /// The provider of text messages, such as <https://api.twilio.com>; if unset, see `SMS_FOLDER`
    #[arg(long, env = "SMS_BASE_URL", value_name = "URL", global = true)]
    pub sms_base_url: Option<String>,

    /// The account at the provider
    #[arg(long, env = "SMS_ACCOUNT_SID", value_name = "TEXT", global = true)]
    pub sms_account_sid: Option<String>,

    /// The secret of that account
    #[arg(long, env = "SMS_AUTH_TOKEN", hide_env_values = true, value_name = "TEXT", global = true)]
    pub sms_auth_token: Option<Secret>,

    /// The number or name that text messages come from
    #[arg(long, env = "SMS_FROM", value_name = "TEXT", global = true)]
    pub sms_from: Option<String>,

    /// Without a provider: write text messages as files to this folder
    #[arg(long, env = "SMS_FOLDER", value_name = "FOLDER", global = true)]
    pub sms_folder: Option<PathBuf>,
}

/// A provider with the API that Twilio made common.
#[derive(Debug, Clone)]
pub struct SmsApi {
    pub base_url: Url,
    pub account_sid: String,
    pub auth_token: Secret,
    pub from: String,
}

/// Where text messages go.
#[derive(Debug, Clone)]
pub enum SmsSettings {
    Api(SmsApi),
    Folder(PathBuf),
    /// Not configured: each is logged as not sent, its number masked.
    Nowhere,
}

impl SmsOptions {
    /// A provider needs all of its four settings.
    pub fn check(&self, faults: &mut Faults) -> SmsSettings {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let Some(base_url) = filled(&self.sms_base_url) else {
            return self.sms_folder.clone().map_or(SmsSettings::Nowhere, SmsSettings::Folder);
        };
        let parsed =
            Url::parse(&base_url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url =
            faults.check("SMS_BASE_URL", &base_url, "an address such as https://api.twilio.com", parsed.ok_or(()));
        let sid = filled(&self.sms_account_sid);
        let sid = sid.filter(|sid| sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
        let (token, from) = (self.sms_auth_token.clone(), filled(&self.sms_from));
        for (name, missing) in
            [("SMS_ACCOUNT_SID", sid.is_none()), ("SMS_AUTH_TOKEN", token.is_none()), ("SMS_FROM", from.is_none())]
        {
            if missing {
                faults.add(format!("{name}: not set, or not valid; expected with SMS_BASE_URL"));
            }
        }
        match (url, sid, token, from) {
            (Some(base_url), Some(account_sid), Some(auth_token), Some(from)) => {
                SmsSettings::Api(SmsApi { base_url, account_sid, auth_token, from })
            }
            _ => SmsSettings::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_configured_as_a_whole() {
        let half = SmsOptions { sms_base_url: Some("ftp://x".to_owned()), ..SmsOptions::default() };
        let mut faults = Faults::new();
        half.check(&mut faults);
        let text = faults.finish().unwrap_err().to_string();
        for name in ["SMS_BASE_URL", "SMS_ACCOUNT_SID", "SMS_AUTH_TOKEN", "SMS_FROM"] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
        let mut faults = Faults::new();
        assert!(matches!(SmsOptions::default().check(&mut faults), SmsSettings::Nowhere));
        assert!(faults.finish().is_ok());
    }
}
