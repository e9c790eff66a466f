//! An alarm for somebody who has mail or text messages sent to many: more in an hour, over all, than an operator expects.
//!
//! The caps of `identity::email::caps` are per recipient and network, so that nobody can use up what others need. They do not see
//! a thousand networks that write to a thousand recipients. There is no total cap of mails, which a stranger could use up:
//! above the expected number an alarm is told, and networks that no account knows get less.

use std::sync::{Arc, OnceLock};

use prometheus::IntCounterVec;
use service_kit::telemetry::Metrics;

/// What is sent.
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

/// The alarm of this process, once there is one.
pub type SharedAlarm = Arc<OnceLock<MailAlarm>>;

#[derive(Debug)]
pub struct MailAlarm {
    /// So many mails an hour that strangers ask for, or cause by registering, are nothing unusual.
    mails_hourly: i32,
    above: IntCounterVec,
}

impl MailAlarm {
    pub fn new(mails_hourly: i32, metrics: &Metrics) -> Self {
        let help = "Mails and text messages that were asked for above the expected number of an hour.";
        Self { mails_hourly, above: metrics.counter("bank_messages_above_alarm_total", help, &["kind"]) }
    }

    /// Whether mails are above it, with `total` of this hour.
    pub fn is_above(&self, total: i32) -> bool {
        total > self.mails_hourly
    }

    /// Counts one above; the first of an hour is an error in the log.
    pub fn ring(&self, kind: Kind, is_first: bool) {
        self.above.with_label_values(&[kind.as_str()]).inc();
        if is_first {
            tracing::error!(kind = kind.as_str(), "more messages are asked for than an hour's expected number");
        }
    }

    /// The mail that is `total`th of this hour.
    pub fn mail_taken(&self, total: i32) {
        if self.is_above(total) {
            self.ring(Kind::Mail, self.mails_hourly.checked_add(1) == Some(total));
        }
    }
}
