//! Event types (= routing keys) and topic patterns.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The topic exchange that all events go to.
pub const EXCHANGE: &str = "topic_exchange";
/// Queue names. Each begins with the name of the service that consumes it.
pub const LOG_QUEUE: &str = "log-service";
pub const EMAIL_QUEUE: &str = "email-service";
pub const ACK_QUEUE: &str = "bank-service.acks";
pub const SMS_QUEUE: &str = "bank-service.sms";
pub const PUSH_QUEUE: &str = "bank-service.push";
pub const QUEUES: [&str; 5] = [LOG_QUEUE, EMAIL_QUEUE, ACK_QUEUE, SMS_QUEUE, PUSH_QUEUE];

const MAX_LENGTH: usize = 100;

/// `<entity>.<past verb>`: lower-case words of letters, digits and underscores, joined by dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventType(Cow<'static, str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event type: <entity>.<past verb> in lower case is expected, such as account.created")]
pub struct EventTypeError;

impl EventType {
    /// The type that a constant names. A constant that is no event type does not compile when this is used in a constant.
    ///
    /// # Panics
    /// If the text is no event type.
    pub const fn known(text: &'static str) -> Self {
        assert!(is_event_type(text), "not an event type");
        Self(Cow::Borrowed(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot.
    pub fn entity(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

/// Two or more words of lower-case letters, digits and underscores, joined by dots.
const fn is_event_type(text: &str) -> bool {
    let mut rest = text.as_bytes();
    if rest.len() > MAX_LENGTH {
        return false;
    }
    let (mut dots, mut word) = (0_usize, 0_usize);
    while let [byte, tail @ ..] = rest {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => word += 1,
            b'.' if word > 0 => (dots, word) = (dots + 1, 0),
            _ => return false,
        }
        rest = tail;
    }
    dots > 0 && word > 0
}

impl FromStr for EventType {
    type Err = EventTypeError;
    fn from_str(text: &str) -> Result<Self, EventTypeError> {
        if is_event_type(text) { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(EventTypeError) }
    }
}

impl TryFrom<String> for EventType {
    type Error = EventTypeError;
    fn try_from(text: String) -> Result<Self, EventTypeError> {
        text.parse()
    }
}

impl From<EventType> for String {
    fn from(event_type: EventType) -> Self {
        event_type.0.into_owned()
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An AMQP topic pattern: `*` is one word, `#` any number of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<String>);

impl Pattern {
    pub fn new(pattern: &str) -> Self {
        Self(pattern.split('.').map(str::to_owned).collect())
    }

    /// Reads a comma-separated list, as in `ROUTING_KEY`; empty entries are passed over.
    pub fn parse_list(list: &str) -> Vec<Self> {
        list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(Self::new).collect()
    }

    /// The list with these patterns added, each once.
    pub fn with(mut list: Vec<Self>, always: Vec<Self>) -> Vec<Self> {
        let missing: Vec<Self> = always.into_iter().filter(|one| !list.contains(one)).collect();
        list.extend(missing);
        list
    }

    pub fn matches(&self, key: &str) -> bool {
        let words: Vec<&str> = key.split('.').collect();
        Self::matches_words(&self.0, &words)
    }

    fn matches_words(pattern: &[String], words: &[&str]) -> bool {
        match pattern.split_first() {
            None => words.is_empty(),
            Some((first, rest)) if first == "#" => {
                (0..=words.len()).any(|skip| Self::matches_words(rest, words.get(skip..).unwrap_or_default()))
            }
            Some((first, rest)) => match words.split_first() {
                Some((word, words)) => (first == "*" || first == word) && Self::matches_words(rest, words),
                None => false,
            },
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_topic_exchange_does() {
        for (pattern, key, expected) in [
            ("*.created", "account.created", true),
            ("*.created", "account.updated", false),
            ("*.created", "a.b.created", false),
            ("#", "anything.at.all", true),
            ("security.#", "security", true),
            ("security.#", "security.login.failed", true),
            ("bank.created", "bank.created", true),
            ("bank", "bank.created", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(key), expected, "{pattern} on {key}");
        }
    }

    #[test]
    fn an_event_type_has_two_or_more_words_in_lower_case() {
        for good in ["social_status.created", "a.b.c", "security.login_2"] {
            assert_eq!(good.parse::<EventType>().map(String::from).as_deref(), Ok(good));
        }
        let long = format!("a.{}", "b".repeat(99));
        for bad in ["", "account", "Account.created", "account.", ".created", "a b.c", "a.*", "a..b", &long] {
            assert_eq!(bad.parse::<EventType>(), Err(EventTypeError), "{bad:?}");
        }
    }
}
