//! An alarm against mass mailing: more mails or text messages in an hour, over all recipients, than an operator expects.
//!
//! The caps of `identity::email::caps` are per recipient and network, so that one caller cannot use up another's share. They do
//! not notice a thousand networks that write to a thousand recipients. There is no total cap, since any stranger could use it
//! up: above the expected number the alarm is raised, and networks that no account knows get less.

use std::sync::{Arc, OnceLock};

use prometheus::IntCounterVec;
use service_kit::telemetry::Metrics;

/// The kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Mail,
    TextMessage,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::TextMessage => "text_message",
        }
    }
}

/// The alarm of this process, once it is set.
pub type SharedAlarm = Arc<OnceLock<MailAlarm>>;

#[derive(Debug)]
pub struct MailAlarm {
    /// The expected number of mails an hour that strangers request, or cause by registering.
    mails_hourly: i32,
    above: IntCounterVec,
}

impl MailAlarm {
    pub fn new(mails_hourly: i32, metrics: &Metrics) -> Self {
        let help = "Mails and text messages that were asked for above the expected number of an hour.";
        Self { mails_hourly, above: metrics.counter("bank_messages_above_alarm_total", help, &["kind"]) }
    }

    /// Whether `total` mails in this hour are above the expected number.
    pub fn is_above(&self, total: i32) -> bool {
        total > self.mails_hourly
    }

    /// Counts one message above it; the first of an hour is an error in the log.
    pub fn ring(&self, kind: Kind, is_first: bool) {
        self.above.with_label_values(&[kind.as_str()]).inc();
        if is_first {
            tracing::error!(kind = kind.as_str(), "more messages are asked for than an hour's expected number");
        }
    }

    /// Counts a mail, the `total`th of this hour.
    pub fn mail_taken(&self, total: i32) {
        if self.is_above(total) {
            self.ring(Kind::Mail, self.mails_hourly.checked_add(1) == Some(total));
        }
    }
}
