//! What the service does, whoever asks for it: a consumer or a request.

mod deliver;
mod locks;
mod retention;
mod send_test;
mod unrecorded_results;

pub use deliver::{Delivered, MailJob, MailService, SendSettings};
pub use retention::enforce_retention;
pub use send_test::{TestError, TestMail, send_test};
