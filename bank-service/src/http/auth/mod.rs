//! `/auth`: registration, login, tokens, sessions, one's own profile.

mod login;
mod me;
mod password;
mod problems;
mod profile_fields;
mod register;
mod sessions;

use actix_web::web;
use service_kit::http::fields::BodyLimit;

pub(super) use profile_fields::{password as new_password, role_names};

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    register::register,
    login::log_in,
    login::refresh,
    sessions::log_out,
    sessions::log_out_everywhere,
    sessions::list_sessions,
    sessions::end_session,
    me::read_me,
    me::update_me,
    password::reauthenticate,
    password::change_password,
))]
pub(super) struct Document;

/// The largest body on `/auth`, in bytes.
const BODY_LIMIT: usize = 8 * 1024;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::scope("/auth")
            .app_data(BodyLimit(BODY_LIMIT))
            .service(web::resource("/register").route(web::post().to(register::register)))
            .service(web::resource("/login").route(web::post().to(login::log_in)))
            .service(web::resource("/refresh").route(web::post().to(login::refresh)))
            .service(web::resource("/reauth").route(web::post().to(password::reauthenticate)))
            .service(web::resource("/password").route(web::put().to(password::change_password)))
            .service(web::resource("/logout").route(web::post().to(sessions::log_out)))
            .service(web::resource("/logout_all").route(web::post().to(sessions::log_out_everywhere)))
            .service(web::resource("/sessions").route(web::get().to(sessions::list_sessions)))
            .service(web::resource("/sessions/{id}").route(web::delete().to(sessions::end_session)))
            .service(web::resource("/me").route(web::get().to(me::read_me)).route(web::put().to(me::update_me))),
    );
}
