//! What the service does, whoever asks for it: a consumer or a request.

mod deliver;
mod locks;
mod prune;
mod send_test;
mod unrecorded;

pub use deliver::{Delivered, Order, Post, SendSettings};
pub use prune::prune;
pub use send_test::{TestError, TestMail, send_test};
