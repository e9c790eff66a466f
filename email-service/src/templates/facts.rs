//! The values of a template, read from an event's data or a request's parameters.
//!
//! Every value is checked and put on one line before a template sees it. All faults are found at once, and name the field
//! only: parameters may be secret. Fields that a template does not name are ignored, so an event may grow.

use std::collections::BTreeMap;

use serde_json::Value;
use shared_events::{Currency, Money};
use url::Url;

use super::Template;
use crate::domain::{EmailAddress, display_amount, single_line};

const MAX_LINE_CHARS: usize = 500;
const MAX_TEXT_CHARS: usize = 10_000;
const MAX_LINK_BYTES: usize = 2_048;

/// Name and value; every name that the template has is present, empty if not given.
pub type Values = BTreeMap<&'static str, String>;

/// The checked values of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub values: Values,
}

/// All faults of the data: field name to messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(.faults))]
pub struct FactsError {
    pub faults: BTreeMap<String, Vec<String>>,
}

/// A field of a template: name, rule, and whether it has to be given.
pub(super) type Field = (&'static str, Kind, Need);

/// The rule of a field.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A positive whole number.
    Number,
    Line,
    /// Several lines.
    Text,
    /// An absolute http or https URL.
    Link,
    /// From the field of this name in minor units and `currency`, which is EUR unless given.
    Amount(&'static str),
    /// A side of a transfer: which it is, and nothing that it has.
    Side,
}

impl Kind {
    /// A field of this kind, in words, as the OpenAPI document lists it.
    pub(super) fn in_words(self, name: &str, need: Need) -> String {
        let form = match self {
            Self::Number => "a whole number from 1",
            Self::Line => "",
            Self::Text => "several lines",
            Self::Link => "an http or https URL",
            Self::Amount(source) => {
                return format!("`{source}` (in the minor unit), `currency` (ISO 4217; EUR if it is missing)");
            }
            Self::Side => "an object with `account_id`, `card_id`, or `bank_id` and `system`",
        };
        let need = match need {
            Need::Optional => "",
            Need::Required => "required",
            Need::UnlessCode => "required, unless there is a `code`",
        };
        let rule: Vec<&str> = [need, form].into_iter().filter(|part| !part.is_empty()).collect();
        if rule.is_empty() { format!("`{name}`") } else { format!("`{name}` ({})", rule.join("; ")) }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Need {
    Optional,
    Required,
    /// Required where `code` is empty.
    UnlessCode,
}

impl Facts {
    /// Reads the data for a template.
    pub fn read(template: Template, data: &Value) -> Result<Self, FactsError> {
        let mut reader = Reader { data, values: Values::new(), faults: BTreeMap::new() };
        for (name, kind, _) in template.fields() {
            reader.read(name, *kind);
        }
        for (name, _, need) in template.fields() {
            reader.require(name, *need);
        }
        if reader.faults.is_empty() {
            Ok(Self { values: reader.values })
        } else {
            Err(FactsError { faults: reader.faults })
        }
    }

    /// The address in an event's data: `email`, or `to`. None if there is none.
    pub fn address(data: &Value) -> Result<Option<EmailAddress>, FactsError> {
        let Some((name, value)) = ["email", "to"].iter().find_map(|name| Some((*name, data.get(name)?))) else {
            return Ok(None);
        };
        if value.is_null() {
            return Ok(None);
        }
        let parsed = value.as_str().unwrap_or_default().parse::<EmailAddress>();
        parsed.map(Some).map_err(|error| FactsError { faults: [(name.to_owned(), vec![error.to_string()])].into() })
    }
}

struct Reader<'a> {
    data: &'a Value,
    values: Values,
    faults: BTreeMap<String, Vec<String>>,
}

impl Reader<'_> {
    fn read(&mut self, name: &'static str, kind: Kind) {
        match self.value(name, kind) {
            Ok(value) => {
                self.values.insert(name, value);
            }
            Err((field, message)) => self.fault(field, &message),
        }
    }

    /// A value that is not given is empty.
    fn value(&self, name: &'static str, kind: Kind) -> Result<String, (&'static str, String)> {
        let source = if let Kind::Amount(source) = kind { source } else { name };
        let Some(value) = self.data.get(source).filter(|value| !value.is_null()) else { return Ok(String::new()) };
        let parsed = match kind {
            Kind::Number => number(value),
            Kind::Line => bounded(value, MAX_LINE_CHARS).map(single_line),
            Kind::Text => bounded(value, MAX_TEXT_CHARS).map(lines),
            Kind::Link => link(value),
            Kind::Amount(source) => return self.amount(source, value),
            Kind::Side => side(value),
        };
        parsed.map_err(|message| (name, message))
    }

    fn amount(&self, source: &'static str, amount: &Value) -> Result<String, (&'static str, String)> {
        let currency = match self.data.get("currency") {
            None | Some(Value::Null) => Currency::EUR,
            Some(code) => {
                code.as_str().unwrap_or_default().parse().map_err(|error| ("currency", format!("{error}")))?
            }
        };
        let minor = amount.as_i64().unwrap_or(-1);
        Money::try_new(minor, currency).map(display_amount).map_err(|error| (source, error.to_string()))
    }

    fn require(&mut self, name: &str, need: Need) {
        let is_empty = |name| self.values.get(name).is_some_and(String::is_empty);
        match need {
            Need::Required if is_empty(name) => self.fault(name, "is required"),
            Need::UnlessCode if is_empty(name) && is_empty("code") => {
                self.fault(name, "is required, unless there is a code");
            }
            Need::Optional | Need::Required | Need::UnlessCode => {}
        }
    }

    fn fault(&mut self, name: &str, message: &str) {
        self.faults.entry(name.to_owned()).or_default().push(message.to_owned());
    }
}

fn number(value: &Value) -> Result<String, String> {
    let number = value.as_i64().filter(|number| *number >= 1);
    number.map(|number| number.to_string()).ok_or_else(|| "must be a whole number from 1".to_owned())
}

fn side(value: &Value) -> Result<String, String> {
    let id = |name: &str| value.get(name).filter(|id| !id.is_null()).map(number).transpose();
    match (id("account_id")?, id("card_id")?, id("bank_id")?) {
        (Some(account), None, None) => Ok(format!("account no. {account}")),
        (None, Some(card), None) => Ok(format!("card no. {card}")),
        (None, None, Some(bank)) => {
            let system = value.get("system").unwrap_or(&Value::Null);
            Ok(format!("{} of bank no. {bank}", single_line(bounded(system, MAX_LINE_CHARS)?)))
        }
        _ => Err("must be an account, a card or one of a bank's own".to_owned()),
    }
}

fn bounded(value: &Value, max: usize) -> Result<&str, String> {
    let text = value.as_str().ok_or("must be a text")?;
    // Bytes first: counting the characters of a huge text is work as well.
    if text.len() > max * 4 || text.chars().count() > max {
        return Err(format!("must have at most {max} characters"));
    }
    Ok(text)
}

fn lines(text: &str) -> String {
    text.lines().map(single_line).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn link(value: &Value) -> Result<String, String> {
    let expected = || "must be an absolute http or https URL".to_owned();
    let text = value.as_str().ok_or_else(expected)?;
    if text.len() > MAX_LINK_BYTES {
        return Err(format!("must have at most {MAX_LINK_BYTES} bytes"));
    }
    let url = Url::parse(text).map_err(|_| expected())?;
    if matches!(url.scheme(), "http" | "https") { Ok(url.into()) } else { Err(expected()) }
}

fn listed(faults: &BTreeMap<String, Vec<String>>) -> String {
    let parts: Vec<String> = faults.iter().map(|(name, messages)| format!("{name} {}", messages.join(", "))).collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_with_a_name_only_is_enough() {
        let facts = Facts::read(Template::AccountCreated, &json!({"name": "John Doe"})).unwrap();
        assert_eq!(facts.values.get("name").map(String::as_str), Some("John Doe"));
        assert_eq!(facts.values.get("amount").map(String::as_str), Some(""));
    }

    #[test]
    fn all_faults_are_named_and_no_value_is_repeated() {
        let data = json!({"id": 0, "name": ["secret"], "balance": -1});
        let error = Facts::read(Template::AccountCreated, &data).unwrap_err();
        assert_eq!(error.faults.keys().collect::<Vec<_>>(), ["balance", "id", "name"]);
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn a_link_is_an_absolute_web_address() {
        for bad in ["javascript:alert(1)", "/verify", "", "data:text/html,x", "mailto:a@b.c", "https://"] {
            assert!(Facts::read(Template::Invitation, &json!({"link": bad})).is_err(), "{bad}");
        }
        let facts = Facts::read(Template::Invitation, &json!({"link": "https://b.example/?a=\"><b>"})).unwrap();
        assert_eq!(facts.values.get("link").map(String::as_str), Some("https://b.example/?a=%22%3E%3Cb%3E"));
    }

    #[test]
    fn a_mail_to_verify_or_reset_needs_a_link_or_a_code() {
        for template in [Template::VerifyEmail, Template::ResetPassword] {
            assert!(Facts::read(template, &json!({"name": "x"})).is_err());
            assert!(Facts::read(template, &json!({"code": "123456"})).is_ok());
        }
    }

    #[test]
    fn a_side_is_named_without_what_it_has() {
        let read = |side: Value| Facts::read(Template::Transfer, &json!({ "from": side }));
        for (side, shown) in [
            (json!({"account_id": 1, "user_id": 7, "balance_after": 420}), "account no. 1"),
            (json!({"card_id": 2, "account_id": null}), "card no. 2"),
            (json!({"bank_id": 3, "system": "cash", "user_id": null}), "cash of bank no. 3"),
        ] {
            assert_eq!(read(side).unwrap().values.get("from").map(String::as_str), Some(shown));
        }
        let two = json!({"account_id": 1, "card_id": 2});
        for bad in [json!({}), json!("1"), json!({"account_id": 0}), json!({"bank_id": 3}), two] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_found_under_either_name() {
        assert_eq!(Facts::address(&json!({"id": 1})), Ok(None));
        assert_eq!(Facts::address(&json!({"email": "a@b.c"})).unwrap().unwrap().as_str(), "a@b.c");
        assert_eq!(Facts::address(&json!({"to": "a@b.c"})).unwrap().unwrap().as_str(), "a@b.c");
        assert!(Facts::address(&json!({"email": 7})).is_err());
    }
}
