//! bank-service: users, clients, banks, branches, cities, accounts and cards over HTTP; every change publishes an event from a
//! transactional outbox.
//!
//! Arrows: `http` and `consumers` call `operations`; `operations` call `domain` (pure) and `store` (the only place that knows
//! diesel). `console` has the pages for staff beside the API. `app` puts the parts together, `cli` is the process around it.

pub mod app;
pub mod changes;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
mod console;
pub mod consumers;
pub mod domain;
pub mod http;
pub mod identity;
pub mod operations;
pub mod outbox;
pub mod push;
pub mod sealing;
pub mod sms;
pub mod store;
pub mod trace;
