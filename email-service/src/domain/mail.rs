//! One mail, and its form on the wire (RFC 5322, multipart/alternative).
//!
//! The same mail built twice is the same bytes: its Message-ID, its date and its MIME boundary all come from the event, so a
//! mail sent again after a crash can be recognised, and the mailbox folder overwrites the first copy.
//! No value can add a header: addresses and Message-IDs are dot-atoms, the subject is one line and is encoded.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use shared_events::EventId;

use shared_events::email_address::is_dot_atom;

use super::address::to_lettre;
use super::{AddressError, EmailAddress, clip, single_line};

const MAX_SUBJECT_CHARS: usize = 200;
/// 9999-12-31T23:59:59Z, the last second that a Date header can hold.
const LAST_SECOND: u64 = 253_402_300_799;

/// The rendered parts of a mail, without its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A mail to one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    pub message_id: MessageId,
    pub from: Sender,
    pub to: EmailAddress,
    pub date: DateTime<Utc>,
    pub content: Content,
}

/// Why a mail cannot be built. Shows no part of the content.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("the recipient's address cannot be used in a header")]
    Address(#[from] lettre::address::AddressError),
    #[error("the mail has no valid form")]
    Form(#[from] lettre::error::Error),
}

impl Mail {
    /// The message as a mailer sends it.
    pub fn to_message(&self) -> Result<Message, MailError> {
        let body = MultiPart::alternative()
            .boundary(format!("=_{}", self.message_id.local))
            .singlepart(SinglePart::plain(self.content.text.clone()))
            .singlepart(SinglePart::html(self.content.html.clone()));
        let message = Message::builder()
            .from(self.from.0.clone())
            .to(Mailbox::new(None, to_lettre(&self.to)?))
            .subject(header_text(&self.content.subject))
            .date(header_date(self.date))
            .message_id(Some(self.message_id.to_string()))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .multipart(body)?;
        Ok(message)
    }
}

/// Parameters of a mail may be secret (links, codes): only its identity is shown.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("message_id", &self.message_id).field("to", &self.to).finish_non_exhaustive()
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// One line of bounded length. `=?` is split, so that no mail program decodes a stranger's text as an encoded word.
fn header_text(text: &str) -> String {
    clip(&single_line(text).replace("=?", "= ?"), MAX_SUBJECT_CHARS)
}

/// Dates that a Date header cannot hold are moved to the nearest that it can.
fn header_date(date: DateTime<Utc>) -> SystemTime {
    let seconds = u64::try_from(date.timestamp()).unwrap_or(0).min(LAST_SECOND);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// `Bank <no-reply@bank.localhost>`, or an address alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl FromStr for Sender {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.chars().any(char::is_control) {
            return Err(AddressError::Form);
        }
        let mailbox: Mailbox = text.trim().parse().map_err(|_| AddressError::Form)?;
        let address: EmailAddress = mailbox.email.to_string().parse()?;
        let email = to_lettre(&address).map_err(|_| AddressError::Form)?;
        Ok(Self(Mailbox::new(mailbox.name, email)))
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `<local@domain>`, both parts dot-atoms: fit for a header and, its local part, for a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    local: String,
    domain: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a Message-ID: <local@domain> is expected")]
pub struct MessageIdError;

impl MessageId {
    /// The id of an event's mail: the first recipient has number 0, and the bare event id.
    pub fn for_event(event_id: EventId, number: usize, domain: &str) -> Result<Self, MessageIdError> {
        let local = if number == 0 { event_id.to_string() } else { format!("{event_id}.{number}") };
        Self::try_new(&local, domain)
    }

    fn try_new(local: &str, domain: &str) -> Result<Self, MessageIdError> {
        let fits = |part: &str| part.len() <= 200 && is_dot_atom(part) && !part.contains('/');
        if fits(local) && fits(domain) {
            Ok(Self { local: local.to_owned(), domain: domain.to_owned() })
        } else {
            Err(MessageIdError)
        }
    }

    /// The part before the `@`: no slash, no dot at either end, at most 200 bytes.
    pub fn local(&self) -> &str {
        &self.local
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}@{}>", self.local, self.domain)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).ok_or(MessageIdError)?;
        let (local, domain) = inner.split_once('@').ok_or(MessageIdError)?;
        Self::try_new(local, domain)
    }
}

/// A Message-ID for each recipient of an event, in the order given. Recipients that have one already keep it, and a taken one is
/// not assigned again: otherwise a change of `EMAIL_RECEIVERS` between two deliveries of an event would give one recipient's
/// identity to another's mail.
pub fn assign_message_ids(
    event_id: EventId,
    domain: &str,
    recipients: &[EmailAddress],
    known: &[(EmailAddress, MessageId)],
) -> Result<Vec<MessageId>, MessageIdError> {
    let mut free = (0..=recipients.len() + known.len())
        .map(|number| MessageId::for_event(event_id, number, domain))
        .filter(|id| !known.iter().any(|(_, taken)| id.as_ref().is_ok_and(|id| id.local == taken.local)));
    recipients
        .iter()
        .map(|recipient| match known.iter().find(|(address, _)| address.same_mailbox(recipient)) {
            Some((_, id)) => Ok(id.clone()),
            None => free.next().unwrap_or(Err(MessageIdError)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    #[test]
    fn a_message_id_is_read_as_it_is_written() {
        let id = MessageId::for_event(EventId::from_content("a.b", b""), 2, "bank.localhost").unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "a@b", "<a>", "<a@b", "<a b@c>", "<../a@b>", "<a@b\r\nX: y>"] {
            assert_eq!(bad.parse::<MessageId>(), Err(MessageIdError), "{bad:?}");
        }
    }

    #[test]
    fn a_recipient_keeps_its_message_id_when_the_list_changes() {
        let event = EventId::from_content("a.b", b"");
        let (a, b, c) = (address("a@x.y"), address("b@x.y"), address("c@x.y"));
        let first = assign_message_ids(event, "d", &[b.clone(), c.clone()], &[]).unwrap();
        let known = vec![(b.clone(), first[0].clone()), (c.clone(), first[1].clone())];
        let second = assign_message_ids(event, "d", &[a, b, c], &known).unwrap();
        assert_eq!(&second[1..], &first[..]);
        assert!(!first.contains(&second[0]));
    }

    #[test]
    fn a_date_out_of_range_is_moved_into_it() {
        assert_eq!(header_date(DateTime::<Utc>::MIN_UTC), SystemTime::UNIX_EPOCH);
        assert_eq!(header_date(DateTime::<Utc>::MAX_UTC), SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND));
    }

    #[test]
    fn a_subject_cannot_carry_an_encoded_word_of_its_own() {
        assert_eq!(header_text("=?utf-8?q?=0D=0ABcc?="), "= ?utf-8?q?=0D=0ABcc?=");
    }
}
