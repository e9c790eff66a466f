//! The templates of the console, embedded in the binary.
//!
//! Every value of an `.html` template is escaped. A variable that a template names and does not get is an error, never a gap.

use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};

use super::filters;
use crate::store::SOURCE;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        /// File name and source of each.
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("templates/", $name)))),+];
    };
}

templates! {
    "layout.html",
    "plain.html",
    "macros.html",
    "error.html",
    "login.html",
    "login_mfa.html",
    "confirm.html",
    "users.html",
    "user.html",
    "bank.html",
    "banks.html",
    "clients.html",
    "accounts.html",
    "account.html",
    "cards.html",
    "card.html",
    "card_parts.html",
    "transfers.html",
    "transfer_form.html",
    "transfer.html",
    "ledger.html",
    "flow.html",
    "flow_hops.html",
    "flow_live.html",
    "flow_rows.html",
    "flow_event.html",
    "dead_letters.html",
    "dead_letter.html",
    "dead_letter_dry_run.html",
    "log.html",
    "log_entry.html",
    "mails.html",
    "mail.html",
    "mail_templates.html",
    "mail_preview.html",
    "health.html",
    "health_parts.html",
}

static ENVIRONMENT: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(environment);

/// Renders a template; the context is a map of its variables.
pub(super) fn render(name: &str, context: Value) -> Result<String, Error> {
    match &*ENVIRONMENT {
        Ok(environment) => environment.get_template(name)?.render(context),
        Err(error) => Err(Error::new(error.kind(), error.to_string())),
    }
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // Of the events that the outbox has a row of.
    environment.add_global("own_source", SOURCE);
    environment.add_filter("date", filters::date);
    environment.add_filter("time", filters::time);
    environment.add_filter("moment", filters::moment);
    environment.add_filter("duration", filters::duration);
    environment.add_filter("counted", filters::counted);
    environment.add_filter("money", filters::money);
    environment.add_filter("query", filters::query);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_compiles_and_none_turns_escaping_off() {
        environment().unwrap();
        for (name, source) in TEMPLATES {
            for forbidden in ["autoescape", "|safe", "| safe", "<script>", "<style", " style=", " onclick="] {
                assert!(!source.contains(forbidden), "{name}: {forbidden}");
            }
        }
    }
}
