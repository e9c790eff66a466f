//! What the service does, whoever asks for it: a consumer or a request.

mod deliver;
mod locks;
mod prune;
mod send_test;
mod unrecorded;

pub use deliver::{Delivered, MailJob, MailService, SendSettings};
pub use prune::enforce_retention;
pub use send_test::{TestError, TestMail, send_test};
