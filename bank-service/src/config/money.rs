//! The rules of money.

use clap::{Args, ValueEnum};
use service_kit::config::{AppEnv, Faults, defaults};

use crate::domain::bic::Bic;
use crate::domain::iban::{IbanError, IbanScheme};
use crate::domain::statement::Calendar;

/// How transfers reach the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LedgerWriterMode {
    // Those that come at the same time share a transaction. Not doc comments: clap would give every option of `--help` lines of
    // its own.
    Batched,
    // Each has a transaction of its own.
    Direct,
}

/// The rules of money.
#[derive(Debug, Clone, Args)]
pub struct MoneyOptions {
    /// Whether owners give first balances and set balances; by default in development and testing only
    #[arg(long, env = "OWNER_SETS_BALANCE", value_name = "BOOL", global = true)]
    pub owner_sets_balance: Option<bool>,

    /// Whether requests that move money need an Idempotency-Key; by default in staging and production
    #[arg(long, env = "REQUIRE_IDEMPOTENCY_KEY", value_name = "BOOL", global = true)]
    pub require_idempotency_key: Option<bool>,

    /// Whether transfers and cards that come at the same time share a transaction, or each has its own
    #[arg(long, env = "LEDGER_WRITER", value_enum, default_value = "batched", global = true)]
    pub ledger_writer: LedgerWriterMode,

    /// The country of the accounts' IBANs: AE, AT, CH, DE, LI, LT, LU, LV, NL, RO or SA
    #[arg(long, env = "IBAN_COUNTRY", default_value = "DE", value_name = "CC", global = true)]
    pub iban_country: String,

    /// The bank code of the accounts' IBANs; one that no bank has, unless it is set
    #[arg(long, env = "BANK_CODE", value_name = "CODE", global = true)]
    pub bank_code: Option<String>,

    /// The bank's BIC (ISO 9362), 8 or 11 characters; statements name it, or else the bank's id
    #[arg(long, env = "BANK_BIC", value_name = "BIC", global = true)]
    pub bank_bic: Option<String>,

    /// The time zone whose days statements are of, by its name in the IANA database, such as Europe/Berlin
    #[arg(long, env = "LEDGER_TIMEZONE", default_value = "UTC", value_name = "ZONE", global = true)]
    pub ledger_timezone: String,
}

impl Default for MoneyOptions {
    fn default() -> Self {
        defaults()
    }
}

impl MoneyOptions {
    pub(super) fn ibans(&self, faults: &mut Faults) -> Option<IbanScheme> {
        let scheme = IbanScheme::new(&self.iban_country, self.bank_code.as_deref());
        scheme
            .map_err(|error| {
                let name = if error == IbanError::Country { "IBAN_COUNTRY" } else { "BANK_CODE" };
                faults.add(format!("{name}: {error}"));
            })
            .ok()
    }

    /// None if there is no BIC, or a fault.
    pub(super) fn bic(&self, faults: &mut Faults) -> Option<Bic> {
        let given = self.bank_bic.as_deref().filter(|text| !text.is_empty())?;
        faults.check("BANK_BIC", "8 or 11 capitals and digits, such as DEUTDEFF", Bic::parse(given).ok_or(()))
    }

    pub(super) fn calendar(&self, faults: &mut Faults) -> Option<Calendar> {
        let expected = "a time zone of the IANA database, such as Europe/Berlin";
        faults.check("LEDGER_TIMEZONE", expected, Calendar::parse(&self.ledger_timezone).ok_or(()))
    }

    pub fn owners_set_balances(&self, app_env: AppEnv) -> bool {
        self.owner_sets_balance.unwrap_or(is_for_trial(app_env))
    }

    pub fn requires_key(&self, app_env: AppEnv) -> bool {
        self.require_idempotency_key.unwrap_or(!is_for_trial(app_env))
    }
}

fn is_for_trial(app_env: AppEnv) -> bool {
    matches!(app_env, AppEnv::Development | AppEnv::Testing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_bic_and_a_time_zone_have_to_be_valid() {
        let money = |bic: &str, zone: &str| MoneyOptions {
            bank_bic: Some(bic.to_owned()),
            ledger_timezone: zone.to_owned(),
            ..MoneyOptions::default()
        };
        let text = Config { money: money("deutdeff", "Berlin"), ..Config::default() }.check().unwrap_err().to_string();
        assert!(text.contains("BANK_BIC: ") && text.contains("LEDGER_TIMEZONE: "), "{text}");
        let text = Config { money: money("", "Europe/Berlin"), ..Config::default() }.check().unwrap_err().to_string();
        assert!(
            text.contains("SECRET_KEY: ") && !text.contains("BANK_BIC") && !text.contains("LEDGER_TIMEZONE"),
            "{text}"
        );
    }
}
