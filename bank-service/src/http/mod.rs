//! The HTTP API. A handler reads its request, calls one operation and maps the result; it uses no diesel and no clock.

mod account_bodies;
mod accounts;
mod actor;
mod auth;
mod banks;
mod branches;
mod cards;
mod changes;
mod cities;
mod client_version;
mod clients;
mod dead_letter_actions;
mod dead_letters;
mod devices;
mod events;
mod idempotency;
mod jwks;
mod lists;
pub(crate) mod money;
mod named;
pub mod openapi;
mod optional_body;
mod problem_map;
mod rate_limits;
mod request_bodies;
mod responses;
mod roles;
mod social_statuses;
mod state;
mod stored_faults;
mod stream_ticket;
mod user_mfa;
mod users;
mod verification;

use actix_web::middleware::from_fn;
use actix_web::web;

pub(crate) use auth::{LoginMethod, cookie_value, count_login, device_cookie, end_session_of, login_origin};
pub(crate) use dead_letters::checked_queue;
pub use rate_limits::RequestLimits;
use responses::locate_below_version;
pub use state::AppState;
pub(crate) use user_mfa::remove_second_factor;
pub(crate) use users::{change_of_user, update_user_as};
pub use verification::VerificationRuns;

/// Mounts every route at the root and, unchanged, below `/v1`.
pub fn configure(cfg: &mut web::ServiceConfig, state: &AppState) {
    cfg.app_data(web::Data::new(state.clone()));
    cfg.app_data(web::Data::from(state.identity.verifier()));
    for prefix in ["/v1", ""] {
        let scope = web::scope(prefix).wrap(from_fn(client_version::check)).wrap(from_fn(locate_below_version));
        cfg.service(scope.configure(routes));
    }
}

fn routes(cfg: &mut web::ServiceConfig) {
    cfg.configure(jwks::configure)
        .configure(auth::configure)
        .configure(user_mfa::configure)
        .configure(users::configure)
        .configure(roles::configure)
        .configure(social_statuses::configure)
        .configure(cities::configure)
        .configure(banks::configure)
        .configure(branches::configure)
        .configure(clients::configure)
        .configure(dead_letters::configure)
        // Must precede the routes below `/api/events/{id}`.
        .configure(changes::configure)
        .configure(stream_ticket::configure)
        .configure(dead_letter_actions::configure)
        .configure(events::configure)
        // Its routes below accounts and cards have more parts than theirs.
        .configure(money::configure)
        .configure(cards::configure)
        .configure(devices::configure)
        .configure(accounts::configure);
}
