//! What bank-service hears: the confirmations of email-service, and what it sends itself outside of requests.
//!
//! [`RecordMailReceipt`] keeps each confirmation once. [`LogPoster`] then posts the event to log-service over HTTP until the
//! log has it. The two are apart so that an outage of log-service never holds up the callback queue.

mod log_poster;
mod record_mail_receipt;
mod send_push;
mod send_sms;

pub use log_poster::{LogPoster, LogPosterParts, TokenSource};
pub use record_mail_receipt::RecordMailReceipt;
pub use send_push::SendPush;
pub use send_sms::SendSms;
