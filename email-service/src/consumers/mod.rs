//! The message consumers of this service.

mod plan;
mod send_email;

pub use plan::Recipients;
pub use send_email::SendEmail;
