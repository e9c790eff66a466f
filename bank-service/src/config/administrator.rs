//! `ADMIN_EMAIL` and `ADMIN_PASS`, checked before anything is written: whether they could make an administrator.

use service_kit::config::{Faults, Secret, resembles_example};

use super::Config;
use crate::domain::email::Email;
use crate::domain::password::Password;

/// Notes an address or a password that no administrator can have.
pub(super) fn check(config: &Config, min_score: u8, faults: &mut Faults) {
    let email = given(config.admin_email.as_deref());
    // An existing administrator is found, whatever its address.
    let email = email.and_then(|text| {
        let parsed = Email::mailable(text).or_else(|_| Email::parse(text));
        parsed.map_err(|error| faults.add(format!("ADMIN_EMAIL: {error}"))).ok()
    });
    let Some(pass) = given(config.admin_pass.as_ref().map(Secret::expose)) else { return };
    if config.app_env.is_production() && resembles_example(pass) {
        faults.add("ADMIN_PASS: an example value, which production refuses; expected a password of your own");
        return;
    }
    let words = email.map(|email| email.words()).unwrap_or_default();
    if let Err(error) = Password::parse(pass).and_then(|password| password.check_strength(min_score, &words)) {
        faults.add(format!("ADMIN_PASS: {error}"));
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(email: &str, pass: &str, min_score: u8) -> Vec<String> {
        let config =
            Config { admin_email: Some(email.to_owned()), admin_pass: Some(Secret::new(pass)), ..Config::default() };
        let mut faults = Faults::new();
        check(&config, min_score, &mut faults);
        faults.finish().err().map(|error| error.lines().to_vec()).unwrap_or_default()
    }

    #[test]
    fn an_administrator_that_cannot_be_made_is_a_fault_without_the_password() {
        assert_eq!(lines("admin@bank.example", "correct horse battery staple", 3), [""; 0]);
        assert_eq!(lines("", "", 3), [""; 0]);
        let both = lines("nobody", "hunter2", 0);
        assert!(both[0].starts_with("ADMIN_EMAIL: must be an e-mail address"), "{both:?}");
        assert!(both[1].starts_with("ADMIN_PASS: must have at least 8"), "{both:?}");
        let weak = lines("cassandra.montgomery@bank.example", "cassandramontgomery", 3);
        assert_eq!(weak, ["ADMIN_PASS: is too easy to guess"]);
        assert!(!format!("{both:?}").contains("hunter2"));
    }
}
