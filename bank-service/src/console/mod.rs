//! The console: pages for staff, rendered by the server.
//!
//! A page asks the same operations as the API, with the same access decisions; it knows no SQL and no broker, and asks log-service
//! and email-service by their HTTP APIs. All of it works without JavaScript, except for live updates. `docs/console.md` describes
//! the screens and how a session of the console works.

mod assets;
mod bank;
mod cookie;
mod dead_letters;
mod error;
mod filters;
mod flow;
mod form;
mod frame;
mod health;
mod list;
mod log;
mod login;
mod mails;
mod notice;
mod page;
mod peers;
mod place;
mod shared;
mod site;
mod staff;
mod stream;
mod templates;
mod users;

use actix_web::middleware::from_fn;
use actix_web::web;

pub(crate) use shared::Shared;

/// The largest form, in bytes.
const MAX_FORM: usize = 16 * 1024;

/// Mounts `/console`. The handlers find their state where `http::configure` has put it.
pub(crate) fn configure(cfg: &mut web::ServiceConfig) {
    let scope = web::scope("/console")
        .app_data(web::PayloadConfig::new(MAX_FORM))
        .configure(assets::configure)
        .configure(login::configure)
        .configure(users::configure)
        .configure(bank::configure)
        .configure(flow::configure)
        .configure(dead_letters::configure)
        .configure(log::configure)
        .configure(mails::configure)
        .configure(health::configure)
        .wrap(from_fn(frame::dress));
    cfg.service(scope);
}
