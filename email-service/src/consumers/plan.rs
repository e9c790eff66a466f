//! Decides, without any input or output, which mail an event requires and its recipients.

use shared_events::Envelope;
use shared_events::events::{EmailRequested, Event};

use crate::domain::{EmailAddress, LinkBase};
use crate::store::MAX_RECIPIENTS;
use crate::templates::{Facts, Template, Values};

/// The recipients of event mails besides the address in the event.
#[derive(Debug, Clone)]
pub struct Recipients {
    /// `EMAIL_RECEIVERS`.
    pub receivers: Vec<EmailAddress>,
    /// The recipient of a mail that would otherwise have none.
    pub operator: EmailAddress,
}

/// The work that follows from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// No mail.
    Skip,
    /// The event requires a mail that can never be written or addressed. The reason holds no value of the event.
    Refuse {
        reason: String,
    },
    Send {
        template: Template,
        values: Values,
        recipients: Vec<EmailAddress>,
    },
}

pub(super) fn plan(envelope: &Envelope, recipients: &Recipients, links: Option<&LinkBase>) -> Plan {
    let event_type = envelope.event_type.as_str();
    let planned = if event_type == EmailRequested::TYPE {
        plan_request(envelope, links)
    } else {
        match Template::for_event(event_type) {
            Some(Template::Transfer) if recipients.receivers.is_empty() => return Plan::Skip,
            Some(template) => plan_event(template, envelope, recipients),
            None => return Plan::Skip,
        }
    };
    planned.unwrap_or_else(|reason| Plan::Refuse { reason })
}

/// An event that is mailed to its user, and to `EMAIL_RECEIVERS`. That of a transfer has no address, and `to` is a side of it.
fn plan_event(template: Template, envelope: &Envelope, recipients: &Recipients) -> Result<Plan, String> {
    let data = &envelope.body.data;
    let facts = Facts::read(template, data).map_err(|error| error.to_string())?;
    let concerned =
        if template == Template::Transfer { None } else { Facts::address(data).map_err(|error| error.to_string())? };
    let recipients = recipients.with(concerned);
    Ok(Plan::Send { template, values: facts.values, recipients })
}

/// A mail with a link or a code: it goes to its recipient only. Its link leads to the bank: a stranger with access to the broker
/// must not be able to send own links in the bank's name.
fn plan_request(envelope: &Envelope, links: Option<&LinkBase>) -> Result<Plan, String> {
    let EmailRequested(request) = envelope.data().map_err(|_| "the data is not template, to and params".to_owned())?;
    let template = Template::requested(&request.template).ok_or("there is no such template")?;
    let to: EmailAddress = request.to.parse().map_err(|error| format!("to {error}"))?;
    let params = request.params.into_iter().map(|(name, value)| (name, value.into())).collect();
    let facts = Facts::read(template, &serde_json::Value::Object(params)).map_err(|error| error.to_string())?;
    let link = facts.values.get("link").filter(|link| !link.is_empty());
    if let (Some(base), Some(link)) = (links, link)
        && !base.leads_to(link)
    {
        return Err("link does not lead to PUBLIC_URL".to_owned());
    }
    Ok(Plan::Send { template, values: facts.values, recipients: vec![to] })
}

impl Recipients {
    /// The concerned address first, then the receivers in order, without duplicates; the operator if the list is empty.
    fn with(&self, concerned: Option<EmailAddress>) -> Vec<EmailAddress> {
        let mut receivers = self.receivers.clone();
        receivers.sort();
        let mut all: Vec<EmailAddress> = Vec::new();
        for address in concerned.into_iter().chain(receivers) {
            if !all.iter().any(|known| known.same_mailbox(&address)) && all.len() < MAX_RECIPIENTS {
                all.push(address);
            }
        }
        if all.is_empty() {
            all.push(self.operator.clone());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};
    use shared_events::{Body, EventId};

    use super::*;

    fn envelope(event_type: &str, data: Value) -> Envelope {
        Envelope {
            id: EventId::from_content(event_type, b""),
            event_type: event_type.parse().unwrap(),
            source: "urn:test".to_owned(),
            correlation_id: None,
            traceparent: None,
            reply_to: None,
            body: Body { user_id: None, date: DateTime::UNIX_EPOCH, message: String::new(), data },
        }
    }

    fn recipients(receivers: &[&str]) -> Recipients {
        let receivers = receivers.iter().map(|text| text.parse().unwrap()).collect();
        Recipients { receivers, operator: "operator@bank.localhost".parse().unwrap() }
    }

    fn who(plan: Plan) -> Vec<String> {
        match plan {
            Plan::Send { recipients, .. } => recipients.iter().map(|r| r.as_str().to_owned()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whom_it_concerns_comes_first_and_nobody_twice() {
        let event = envelope("user.created", json!({"id": 1, "email": "me@x.y"}));
        let recipients = recipients(&["z@x.y", "a@x.y", "ME@x.y"]);
        assert_eq!(who(plan(&event, &recipients, None)), ["me@x.y", "a@x.y", "z@x.y"]);
    }

    #[test]
    fn an_event_without_any_recipient_goes_to_the_operator() {
        let event = envelope("bank.created", json!({"id": 1, "name": "First Bank"}));
        assert_eq!(who(plan(&event, &recipients(&[]), None)), ["operator@bank.localhost"]);
        assert_eq!(who(plan(&event, &recipients(&["a@x.y"]), None)), ["a@x.y"]);
    }

    #[test]
    fn a_mail_with_a_secret_goes_to_its_recipient_only() {
        let data = json!({"template": "reset-password", "to": "me@x.y", "params": {"link": "https://b.example/r"}});
        assert_eq!(who(plan(&envelope("email.requested", data), &recipients(&["a@x.y"]), None)), ["me@x.y"]);
    }

    #[test]
    fn what_cannot_be_mailed_is_refused_without_repeating_it() {
        for data in [
            json!({"template": "no-such", "to": "me@x.y", "params": {}}),
            json!({"template": "account.created", "to": "me@x.y", "params": {}}),
            json!({"template": "notice", "to": "s3cret\r\nBcc: x@y.z", "params": {"text": "x"}}),
            json!({"template": "invitation", "to": "me@x.y", "params": {"link": "s3cret"}}),
            json!({"template": "invitation", "to": "me@x.y", "params": {"link": 7}}),
            json!([]),
        ] {
            match plan(&envelope("email.requested", data), &recipients(&[]), None) {
                Plan::Refuse { reason } => assert!(!reason.contains("s3cret"), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_event_without_a_template_is_skipped() {
        for kind in ["card.created", "card.updated", "transfer.of_a_later_release"] {
            assert_eq!(plan(&envelope(kind, json!({})), &recipients(&["a@x.y"]), None), Plan::Skip, "{kind}");
        }
    }

    #[test]
    fn an_event_of_a_transfer_goes_to_the_receivers_only_and_is_skipped_if_there_are_none() {
        let side = |id: i64| json!({"account_id": id, "user_id": id, "balance_after": 5, "held_after": 0, "seq": 1});
        let data = json!({"id": "t", "from": side(1), "to": side(2), "amount": 100, "currency": "EUR"});
        for kind in ["posted", "held", "captured", "voided", "expired", "reversed"] {
            let event = envelope(&format!("transfer.{kind}"), data.clone());
            assert_eq!(plan(&event, &recipients(&[]), None), Plan::Skip, "{kind}");
            assert_eq!(who(plan(&event, &recipients(&["z@x.y", "a@x.y"]), None)), ["a@x.y", "z@x.y"], "{kind}");
        }
    }

    #[test]
    fn a_requested_mail_has_no_link_to_anywhere_but_the_bank() {
        let planned = |link: &str| {
            let data =
                json!({"template": "verify-email", "to": "me@x.y", "params": {"link": link, "valid_for": "1 hour"}});
            let base = "https://bank.example/app".parse().unwrap();
            plan(&envelope("email.requested", data), &recipients(&[]), Some(&base))
        };
        assert!(matches!(planned("https://bank.example/app/auth/email/verify/t0ken"), Plan::Send { .. }));
        for bad in [
            "https://evil.example/app/auth/email/verify/t0ken",
            "https://bank.example.evil.example/app/x",
            "https://bank.example@evil.example/app/x",
            "https://me:you@bank.example/app/x",
            "http://bank.example/app/x",
            "https://bank.example:8443/app/x",
            "https://bank.example/other/x",
            "https://bank.example/application/x",
            "https://bank.example/app/../other",
        ] {
            match planned(bad) {
                Plan::Refuse { reason } => {
                    assert!(reason.contains("PUBLIC_URL") && !reason.contains("evil"), "{reason}");
                }
                other => panic!("{bad}: {other:?}"),
            }
        }
    }
}
