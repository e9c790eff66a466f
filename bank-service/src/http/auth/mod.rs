//! `/auth`: registration, login, tokens, sessions, the caller's profile.

mod credential_fields;
mod device;
mod digits;
mod email;
mod introspect;
mod login;
mod login_metrics;
mod login_mfa;
mod me;
mod mfa;
mod pages;
mod password;
mod password_strength;
mod phone;
mod problems;
mod profile_fields;
mod register;
mod reset;
mod sessions;
mod social;
mod social_bodies;
mod social_browser;

use actix_web::web;
use service_kit::http::fields::BodyLimit;

pub(crate) use device::set_cookie as device_cookie;
pub(crate) use login::origin as login_origin;
pub(crate) use login_metrics::{LoginMethod, count_login};
pub(super) use password_strength::with_password_strength;
pub(super) use profile_fields::{SET_BY_SERVER, email, new_password, role_names};
pub(crate) use sessions::end_session_of;
pub(crate) use social_browser::cookie as cookie_value;

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    register::register,
    login::log_in,
    login::refresh,
    login_mfa::complete_login,
    mfa::begin_mfa,
    mfa::read_qr_code,
    mfa::activate_mfa,
    mfa::deactivate_mfa,
    mfa::count_recovery_codes,
    mfa::renew_recovery_codes,
    sessions::log_out,
    sessions::log_out_everywhere,
    sessions::list_sessions,
    sessions::end_session,
    introspect::introspect,
    me::read_me,
    me::update_me,
    password::reauthenticate,
    password::change_password,
    email::send_verification,
    email::verify_email,
    email::change_email,
    pages::show_verification,
    pages::confirm_verification,
    pages::show_reset,
    pages::submit_reset,
    social::list_social_logins,
    social::start_social_login,
    social::show_callback,
    social::finish_social_login,
    social::unlink_social_login,
    phone::send_phone_code,
    phone::verify_phone,
    reset::forgot_password,
    reset::reset_password,
))]
pub(super) struct Document;

/// The largest body on `/auth`, in bytes.
const BODY_LIMIT: usize = 8 * 1024;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::scope("/auth")
            .app_data(BodyLimit(BODY_LIMIT))
            .app_data(web::PayloadConfig::new(BODY_LIMIT))
            .configure(mailbox)
            .service(web::resource("/register").route(web::post().to(register::register)))
            .service(web::resource("/login").route(web::post().to(login::log_in)))
            .service(web::resource("/login/mfa").route(web::post().to(login_mfa::complete_login)))
            .service(
                web::resource("/mfa/totp")
                    .route(web::post().to(mfa::begin_mfa))
                    .route(web::delete().to(mfa::deactivate_mfa)),
            )
            .service(web::resource("/mfa/totp/qrcode").route(web::get().to(mfa::read_qr_code)))
            .service(web::resource("/mfa/totp/verify").route(web::post().to(mfa::activate_mfa)))
            .service(
                web::resource("/mfa/recovery-codes")
                    .route(web::get().to(mfa::count_recovery_codes))
                    .route(web::post().to(mfa::renew_recovery_codes)),
            )
            .service(web::resource("/refresh").route(web::post().to(login::refresh)))
            .service(web::resource("/reauth").route(web::post().to(password::reauthenticate)))
            .service(web::resource("/password").route(web::put().to(password::change_password)))
            .service(web::resource("/social").route(web::get().to(social::list_social_logins)))
            .service(web::resource("/social/{provider}/start").route(web::get().to(social::start_social_login)))
            .service(web::resource("/social/{provider}/callback").route(web::get().to(social::show_callback)))
            .service(
                web::resource("/social/{provider}")
                    .route(web::post().to(social::finish_social_login))
                    .route(web::delete().to(social::unlink_social_login)),
            )
            .service(web::resource("/logout").route(web::post().to(sessions::log_out)))
            .service(web::resource("/logout_all").route(web::post().to(sessions::log_out_everywhere)))
            .service(web::resource("/sessions").route(web::get().to(sessions::list_sessions)))
            .service(web::resource("/sessions/{id}").route(web::delete().to(sessions::end_session)))
            .service(web::resource("/introspect").route(web::get().to(introspect::introspect)))
            .service(web::resource("/me").route(web::get().to(me::read_me)).route(web::put().to(me::update_me))),
    );
}

/// Routes whose proof is a link or a code from a mail or a text message.
fn mailbox(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/email/verification").route(web::post().to(email::send_verification)))
        .service(web::resource("/email/verify").route(web::post().to(email::verify_email)))
        .service(
            web::resource("/email/verify/{token}")
                .route(web::get().to(pages::show_verification))
                .route(web::post().to(pages::confirm_verification)),
        )
        .service(web::resource("/email/change").route(web::post().to(email::change_email)))
        .service(web::resource("/phone").route(web::post().to(phone::send_phone_code)))
        .service(web::resource("/phone/verify").route(web::post().to(phone::verify_phone)))
        .service(web::resource("/password/forgot").route(web::post().to(reset::forgot_password)))
        .service(web::resource("/password/reset").route(web::post().to(reset::reset_password)))
        .service(
            web::resource("/password/reset/{token}")
                .route(web::get().to(pages::show_reset))
                .route(web::post().to(pages::submit_reset)),
        );
}
