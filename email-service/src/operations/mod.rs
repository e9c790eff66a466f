//! The operations of the service, for consumers and requests.

mod deliver;
mod locks;
mod retention;
mod send_test;
mod unrecorded_results;

pub use deliver::{Delivered, MailJob, MailService, SendSettings};
pub use retention::enforce_retention;
pub use send_test::{TestError, TestMail, send_test};
