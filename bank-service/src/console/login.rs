//! The login of the console, its end, and the password given again.
//!
//! A login has the limits, throttles, events and device token of `POST /auth/login`. Each one makes a new cookie, so a cookie that was
//! planted before it is worth nothing after it. Without a session there is no token yet: the forms are guarded by their origin.

use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::http::server::ClientAddr;

use super::error::ConsoleError;
use super::form::{AnonymousForm, Form};
use super::notice::Notice;
use super::page::{page_with, plain_page, redirect, redirect_with};
use super::staff::Staff;
use super::{cookie, place};
use crate::domain::email::Email;
use crate::domain::mfa::{Otp, RecoveryCode};
use crate::domain::password::Password;
use crate::http::{AppState, LoginMethod, count_login, device_cookie, end_session_of, login_origin};
use crate::identity::{ConsoleLogin, ConsoleLoginResult, GivenFactor, LogInError, LoginAttempt, SecondFactorError};

const WRONG: &str = "The e-mail address or the password is wrong.";
const WRONG_CODE: &str = "The code is wrong, or it was used before.";
const NO_CODE: &str = "A code has six digits; a recovery code has 32 hexadecimal digits.";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("").route(web::get().to(start)))
        .service(web::resource("/login").route(web::get().to(show_login)).route(web::post().to(log_in)))
        .service(web::resource("/login/mfa").route(web::get().to(restart)).route(web::post().to(give_second_factor)))
        .service(web::resource("/logout").route(web::post().to(log_out)))
        .service(web::resource("/confirm").route(web::get().to(show_confirm)).route(web::post().to(confirm)));
}

/// The first screen.
async fn start(_: Staff) -> HttpResponse {
    redirect("/console/flow")
}

/// The challenge of a second factor is in the page that asks for it, so without one the login begins again.
async fn restart() -> HttpResponse {
    redirect("/console/login")
}

/// The variables of `login.html`.
#[derive(Serialize)]
struct LoginPage<'a> {
    fault: Option<&'a str>,
    email: &'a str,
    next: &'a str,
}

async fn show_login(request: HttpRequest) -> Result<HttpResponse, ConsoleError> {
    let next = next_of(&request);
    login_page(StatusCode::OK, &LoginPage { fault: None, email: "", next: &next })
}

fn login_page(status: StatusCode, context: &LoginPage<'_>) -> Result<HttpResponse, ConsoleError> {
    plain_page(status, "Log in", "login.html", context)
}

/// The place that a page of the login leads to afterwards.
fn next_of(request: &HttpRequest) -> String {
    let given = url::form_urlencoded::parse(request.query_string().as_bytes()).find(|(name, _)| name == "next");
    given.map_or_else(|| place::START.to_owned(), |(_, next)| place::checked(&next).to_owned())
}

// It has no `Debug`: it holds a password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginForm {
    email: String,
    password: String,
    next: String,
}

async fn log_in(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    form: AnonymousForm<LoginForm>,
) -> Result<HttpResponse, ConsoleError> {
    state.limits.logins.check(client.0)?;
    let AnonymousForm(LoginForm { email, password, next }) = form;
    let attempt = LoginAttempt {
        email: Email::parse(&email).ok(),
        password: Password::for_login(&password),
        origin: login_origin(&request, client),
    };
    let count = |result| count_login(&state, LoginMethod::Password, result);
    match state.identity.log_in_to_console(state.ctx_anonymous(), attempt).await {
        Ok(ConsoleLoginResult::Session(login)) => {
            count(Ok(()));
            Ok(logged_in(&state, &login, &next))
        }
        Ok(ConsoleLoginResult::SecondFactor(challenge)) => {
            count(Err(ErrorCode::MfaRequired));
            code_page(StatusCode::OK, &CodePage { fault: None, mfa_token: &challenge.mfa_token, next: &next })
        }
        Err(LogInError::InvalidCredentials) => {
            count(Err(ErrorCode::InvalidCredentials));
            let page = LoginPage { fault: Some(WRONG), email: &email, next: place::checked(&next) };
            login_page(StatusCode::UNAUTHORIZED, &page)
        }
        Err(LogInError::NotStaff) => {
            count(Err(ErrorCode::AccessDenied));
            Err(ConsoleError::ForStaff)
        }
        Err(error) => {
            let problem = Problem::from(error);
            count(Err(problem.code()));
            Err(problem.into())
        }
    }
}

/// The variables of `login_mfa.html`.
#[derive(Serialize)]
struct CodePage<'a> {
    fault: Option<&'a str>,
    mfa_token: &'a str,
    next: &'a str,
}

fn code_page(status: StatusCode, context: &CodePage<'_>) -> Result<HttpResponse, ConsoleError> {
    plain_page(status, "Second factor", "login_mfa.html", context)
}

// It has no `Debug`: it holds secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeForm {
    mfa_token: String,
    code: String,
    next: String,
}

async fn give_second_factor(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    form: AnonymousForm<CodeForm>,
) -> Result<HttpResponse, ConsoleError> {
    state.limits.logins.check(client.0)?;
    let AnonymousForm(CodeForm { mfa_token, code, next }) = form;
    let again = |status, fault| {
        code_page(status, &CodePage { fault: Some(fault), mfa_token: &mfa_token, next: place::checked(&next) })
    };
    let Some(given) = factor(&code) else { return again(StatusCode::UNPROCESSABLE_ENTITY, NO_CODE) };
    let (ctx, origin) = (state.ctx_anonymous(), login_origin(&request, client));
    let count = |result| count_login(&state, LoginMethod::SecondFactor, result);
    let refused = |code| {
        count(Err(code));
        StatusCode::UNAUTHORIZED
    };
    match state.identity.complete_console_login(ctx, &mfa_token, given, origin).await {
        Ok(login) => {
            count(Ok(()));
            Ok(logged_in(&state, &login, &next))
        }
        Err(SecondFactorError::Wrong) => again(refused(ErrorCode::InvalidCredentials), WRONG_CODE),
        Err(SecondFactorError::NoChallenge) => {
            let fault = Some("The login took too long, or had too many wrong codes. Begin again.");
            let page = LoginPage { fault, email: "", next: place::checked(&next) };
            login_page(refused(ErrorCode::InvalidToken), &page)
        }
        Err(SecondFactorError::Password(LogInError::NotStaff)) => {
            count(Err(ErrorCode::AccessDenied));
            Err(ConsoleError::ForStaff)
        }
        Err(error) => {
            let problem = Problem::from(error);
            count(Err(problem.code()));
            Err(problem.into())
        }
    }
}

/// A code of the authenticator app, or a recovery code.
fn factor(code: &str) -> Option<GivenFactor> {
    let recovery_code = || RecoveryCode::parse(code).ok().map(GivenFactor::RecoveryCode);
    Otp::parse(code).ok().map(GivenFactor::Otp).or_else(recovery_code)
}

fn logged_in(state: &AppState, login: &ConsoleLogin, next: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, place::checked(next)))
        .append_header((SET_COOKIE, cookie::set(state, &login.session)))
        .append_header((SET_COOKIE, device_cookie(state, login.device.expose())))
        .finish()
}

/// A form that is a button.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

async fn log_out(
    state: web::Data<AppState>,
    client: ClientAddr,
    form: Form<Nothing>,
) -> Result<HttpResponse, ConsoleError> {
    let Form { staff, data: Nothing {} } = form;
    end_session_of(&state, staff.user_id, (staff.user_id, staff.session_id), client).await?;
    let mut response = HttpResponse::SeeOther();
    Ok(response.insert_header((LOCATION, "/console/login")).insert_header((SET_COOKIE, cookie::clear(&state))).finish())
}

/// The variables of `confirm.html`.
#[derive(Serialize)]
struct ConfirmPage<'a> {
    fault: Option<&'a str>,
    next: &'a str,
}

async fn show_confirm(staff: Staff, request: HttpRequest) -> Result<HttpResponse, ConsoleError> {
    let next = next_of(&request);
    confirm_page(StatusCode::OK, &staff, &request, &ConfirmPage { fault: None, next: &next })
}

fn confirm_page(
    status: StatusCode,
    staff: &Staff,
    request: &HttpRequest,
    context: &ConfirmPage<'_>,
) -> Result<HttpResponse, ConsoleError> {
    page_with(status, staff, request, "Your password again", "confirm.html", context)
}

// It has no `Debug`: it holds secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmForm {
    password: String,
    code: String,
    next: String,
}

/// Makes the session fresh, as `POST /auth/reauth` does.
async fn confirm(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    form: Form<ConfirmForm>,
) -> Result<HttpResponse, ConsoleError> {
    state.limits.logins.check(client.0)?;
    let Form { staff, data: ConfirmForm { password, code, next } } = form;
    let next = place::checked(&next);
    let again = |status, fault| confirm_page(status, &staff, &request, &ConfirmPage { fault: Some(fault), next });
    let given = factor(&code);
    if given.is_none() && !code.trim().is_empty() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, NO_CODE);
    }
    let (ctx, owner) = (state.ctx(staff.user_id), (staff.user_id, staff.session_id));
    let (password, origin) = (Password::for_login(&password), login_origin(&request, client));
    let Err(error) = state.identity.reauthenticate(ctx, owner, password, given, origin).await else {
        return Ok(redirect_with(&staff, next, Notice::Confirmed));
    };
    let problem = Problem::from(error);
    match problem.code() {
        ErrorCode::InvalidCredentials => again(StatusCode::UNAUTHORIZED, "The password or the code is wrong."),
        ErrorCode::MfaRequired => {
            again(StatusCode::UNAUTHORIZED, "Give a code of your authenticator app too, or a recovery code.")
        }
        _ => Err(problem.into()),
    }
}
