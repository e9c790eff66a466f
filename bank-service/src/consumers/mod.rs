//! The queues that bank-service consumes: the confirmations of email-service, and its own requests for SMS and push.
//!
//! [`RecordMailReceipt`] stores each confirmation once. [`LogPoster`] then posts the event to log-service over HTTP until the
//! log has it. They are separate so that an outage of log-service never blocks the callback queue.

mod log_answer;
mod log_poster;
mod record_mail_receipt;
mod send_push;
mod send_sms;

use service_kit::messaging::ConsumerSettings;

pub use log_poster::{LogPoster, LogPosterParts, TokenSource};
pub use record_mail_receipt::RecordMailReceipt;
pub use send_push::SendPush;
pub use send_sms::SendSms;

/// The settings of every queue that this service consumes.
pub fn consumed_queues(callback_queue: &str) -> [ConsumerSettings; 3] {
    [RecordMailReceipt::settings(callback_queue), SendSms::settings(), SendPush::settings()]
}
