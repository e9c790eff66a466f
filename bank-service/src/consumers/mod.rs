//! What bank-service hears: the confirmations of email-service.
//!
//! [`RecordMailReceipt`] keeps each confirmation once. [`LogPoster`] then posts the event to log-service over HTTP until the
//! log has it. The two are apart so that an outage of log-service never holds up the callback queue.

mod log_poster;
mod record_mail_receipt;

pub use log_poster::{LogPoster, LogPosterParts, TokenSource};
pub use record_mail_receipt::RecordMailReceipt;
