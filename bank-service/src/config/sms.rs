//! How text messages are sent.

use std::path::PathBuf;

use clap::Args;
use service_kit::config::{AppEnv, Faults, Secret, base_url, check_folder, defaults, refuse_plain_http};

use crate::domain::phone::TextMessageRules;
use crate::domain::throttle::Cap;
use crate::sms::{SmsApi, SmsSettings};

/// Flags and variables of the provider of text messages; secrets are also read from `NAME_FILE`.
#[derive(Debug, Clone, Args)]
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

    /// Without a provider: write text messages as files to this folder; unless set, `phone` in the data folder (bank-service: none)
    #[arg(long, env = "SMS_FOLDER", value_name = "FOLDER", global = true)]
    pub sms_folder: Option<PathBuf>,

    /// Text messages a day to one number
    #[arg(long, env = "SMS_PER_NUMBER_DAILY", default_value_t = 5, value_name = "N", global = true)]
    pub sms_per_number_daily: u32,

    /// Text messages a day that one user asks for; 10 at most, since each code may be guessed at five times
    #[arg(long, env = "SMS_PER_USER_DAILY", default_value_t = 10, value_name = "1-10", global = true)]
    pub sms_per_user_daily: u32,

    /// Text messages a day that one network (/24, /56) asks for
    #[arg(long, env = "SMS_PER_NETWORK_DAILY", default_value_t = 30, value_name = "N", global = true)]
    pub sms_per_network_daily: u32,

    /// Text messages an hour to one country
    #[arg(long, env = "SMS_PER_COUNTRY_HOURLY", default_value_t = 500, value_name = "N", global = true)]
    pub sms_per_country_hourly: u32,

    /// Text messages an hour in all
    #[arg(long, env = "SMS_TOTAL_HOURLY", default_value_t = 2_000, value_name = "N", global = true)]
    pub sms_total_hourly: u32,

    /// Minutes that the code in a text message is valid
    #[arg(long, env = "SMS_CODE_MINUTES", default_value_t = 10, value_name = "1-10", global = true)]
    pub sms_code_minutes: u32,
}

const MOST: u32 = 1_000_000;
/// Each code may be guessed at five times.
const MOST_PER_USER: u32 = 10;
const MOST_MINUTES: u32 = 10;

impl Default for SmsOptions {
    fn default() -> Self {
        defaults()
    }
}

impl SmsOptions {
    /// How many there may be, and how long a code is good. There is no "no limit": somebody pays for each.
    pub fn rules(&self, faults: &mut Faults) -> Option<TextMessageRules> {
        let mut number = |variable: &str, given: u32, most: u32| {
            let fits =
                Some(given).filter(|given| (1..=most).contains(given)).and_then(|given| i32::try_from(given).ok());
            faults.check(variable, &format!("a number from 1 to {most}"), fits.ok_or(()))
        };
        let to_a_number = number("SMS_PER_NUMBER_DAILY", self.sms_per_number_daily, MOST);
        let of_a_user = number("SMS_PER_USER_DAILY", self.sms_per_user_daily, MOST_PER_USER);
        let from_a_network = number("SMS_PER_NETWORK_DAILY", self.sms_per_network_daily, MOST);
        let to_a_country = number("SMS_PER_COUNTRY_HOURLY", self.sms_per_country_hourly, MOST);
        let in_all = number("SMS_TOTAL_HOURLY", self.sms_total_hourly, MOST);
        let code_minutes = number("SMS_CODE_MINUTES", self.sms_code_minutes, MOST_MINUTES);
        Some(TextMessageRules {
            to_a_number: Cap::daily(to_a_number?),
            of_a_user: Cap::daily(of_a_user?),
            from_a_network: Cap::daily(from_a_network?),
            to_a_country: Cap::hourly(to_a_country?),
            in_all: Cap::hourly(in_all?),
            code_minutes: code_minutes?.into(),
        })
    }

    /// A provider needs all of its four settings.
    pub fn check(&self, app_env: AppEnv, faults: &mut Faults) -> SmsSettings {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(folder) = &self.sms_folder {
            check_folder("SMS_FOLDER", folder, faults);
        }
        let (sid, from) = (filled(&self.sms_account_sid), filled(&self.sms_from));
        let token = self.sms_auth_token.clone().filter(|token| !token.expose().is_empty());
        let Some(address) = filled(&self.sms_base_url) else {
            if sid.is_some() || token.is_some() || from.is_some() {
                faults.add("SMS_BASE_URL: not set; expected with SMS_ACCOUNT_SID, SMS_AUTH_TOKEN and SMS_FROM");
            }
            return self.sms_folder.clone().map_or(SmsSettings::Nowhere, SmsSettings::Folder);
        };
        let expected = "an address such as https://api.twilio.com, without a query and a fragment";
        let url = faults.check("SMS_BASE_URL", expected, base_url(&address).ok_or(()));
        if let Some(url) = &url {
            refuse_plain_http(app_env, "SMS_BASE_URL", url, faults);
        }
        let sid = sid.filter(|sid| sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
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
    use crate::domain::one_time::MAX_CODES_A_DAY;

    #[test]
    fn the_rules_are_those_of_the_domain_and_bounded() {
        let mut faults = Faults::new();
        let rules = SmsOptions::default().rules(&mut faults).unwrap();
        assert_eq!((rules.to_a_number, rules.of_a_user), (Cap::daily(5), Cap::daily(MAX_CODES_A_DAY)));
        assert_eq!((rules.from_a_network, rules.to_a_country), (Cap::daily(30), Cap::hourly(500)));
        assert_eq!((rules.in_all, rules.code_minutes), (Cap::hourly(2_000), 10));
        faults.finish().unwrap();
        let mut faults = Faults::new();
        let off = SmsOptions {
            sms_per_number_daily: 0,
            sms_per_user_daily: 11,
            sms_per_network_daily: 0,
            sms_per_country_hourly: u32::MAX,
            sms_total_hourly: 0,
            sms_code_minutes: 11,
            ..SmsOptions::default()
        };
        assert_eq!(off.rules(&mut faults), None);
        let text = faults.finish().unwrap_err().to_string();
        for name in [
            "PER_NUMBER_DAILY",
            "PER_USER_DAILY",
            "PER_NETWORK_DAILY",
            "PER_COUNTRY_HOURLY",
            "TOTAL_HOURLY",
            "CODE_MINUTES",
        ] {
            assert!(text.contains(&format!("SMS_{name}: ")), "{name}: {text}");
        }
    }

    #[test]
    fn a_provider_is_configured_as_a_whole() {
        let half = SmsOptions { sms_base_url: Some("ftp://x".to_owned()), ..SmsOptions::default() };
        let mut faults = Faults::new();
        half.check(AppEnv::Development, &mut faults);
        let text = faults.finish().unwrap_err().to_string();
        for name in ["SMS_BASE_URL", "SMS_ACCOUNT_SID", "SMS_AUTH_TOKEN", "SMS_FROM"] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
        let mut faults = Faults::new();
        assert!(matches!(SmsOptions::default().check(AppEnv::Development, &mut faults), SmsSettings::Nowhere));
        assert!(faults.finish().is_ok());
        let mut faults = Faults::new();
        let login = SmsOptions { sms_account_sid: Some("sid".to_owned()), ..SmsOptions::default() };
        login.check(AppEnv::Development, &mut faults);
        assert!(faults.finish().unwrap_err().to_string().contains("SMS_BASE_URL: not set"));
    }
}
