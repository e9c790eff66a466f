//! Whole pages, parts of pages, and redirects after a form.

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, LOCATION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse};
use minijinja::value::{Serde, Value, merge_maps};
use serde::Serialize;

use super::error::ConsoleError;
use super::notice::{self, Notice};
use super::staff::Staff;
use super::{assets, templates};
use crate::domain::policy::Action;

/// A screen of the navigation: its path, its name, and the action that a user needs for it (none: every member of staff).
const SCREENS: [(&str, &str, Option<Action>); 7] = [
    ("/console/flow", "Flow", Some(Action::ReadEvent)),
    ("/console/dead-letters", "Dead letters", Some(Action::ListDeadLetters)),
    ("/console/log", "Log", None),
    ("/console/mails", "Mails", None),
    ("/console/users", "Users", Some(Action::ListUsers)),
    ("/console/bank", "Bank", Some(Action::ListBanks)),
    ("/console/health", "Health", None),
];

#[derive(Serialize)]
struct Screen {
    path: &'static str,
    name: &'static str,
    is_current: bool,
}

/// The variables that `layout.html` needs, beside those of the page itself.
#[derive(Serialize)]
struct Frame<'a> {
    title: &'a str,
    path: &'a str,
    user_email: &'a str,
    form_token: &'a str,
    is_fresh: bool,
    screens: Vec<Screen>,
    notice: Option<&'static str>,
    assets: &'static assets::Paths,
}

/// A whole page with the navigation. The template extends `layout.html`; the context is a map whose keys are its variables.
pub(super) fn page(
    staff: &Staff,
    request: &HttpRequest,
    title: &str,
    template: &str,
    context: impl Serialize,
) -> Result<HttpResponse, ConsoleError> {
    page_with(StatusCode::OK, staff, request, title, template, context)
}

/// The same with another status, such as 422 for a form that is shown again with its faults.
pub(super) fn page_with(
    status: StatusCode,
    staff: &Staff,
    request: &HttpRequest,
    title: &str,
    template: &str,
    context: impl Serialize,
) -> Result<HttpResponse, ConsoleError> {
    let path = request.path();
    let notice = notice::of(request, staff.is_over_tls);
    let screens = SCREENS.into_iter().filter(|(.., action)| action.is_none_or(|action| staff.can(action)));
    let is_current =
        |screen: &str| path.strip_prefix(screen).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let frame = Frame {
        title,
        path,
        user_email: &staff.email,
        form_token: staff.token.expose(),
        is_fresh: staff.is_fresh,
        screens: screens.map(|(path, name, _)| Screen { path, name, is_current: is_current(path) }).collect(),
        notice: notice.map(Notice::text),
        assets: assets::paths(),
    };
    let html = render(template, &[Value::from(Serde(frame)), Value::from(Serde(context))])?;
    let mut response = HttpResponse::build(status);
    if notice.is_some() {
        response.insert_header((SET_COOKIE, notice::clear(staff.is_over_tls)));
    }
    Ok(response.content_type(ContentType::html()).body(html))
}

/// A page without navigation, for those who are not logged in.
pub(super) fn plain_page(
    status: StatusCode,
    title: &str,
    template: &str,
    context: impl Serialize,
) -> Result<HttpResponse, ConsoleError> {
    #[derive(Serialize)]
    struct Plain<'a> {
        title: &'a str,
        assets: &'static assets::Paths,
    }
    let plain = Plain { title, assets: assets::paths() };
    let html = render(template, &[Value::from(Serde(plain)), Value::from(Serde(context))])?;
    Ok(HttpResponse::build(status).content_type(ContentType::html()).body(html))
}

/// A part of a page, for htmx. Of the variables of `layout.html` it has none; a part with a form is given `form_token`.
pub(super) fn fragment(template: &str, context: impl Serialize) -> Result<HttpResponse, ConsoleError> {
    let html = render(template, &[Value::from(Serde(context))])?;
    Ok(HttpResponse::Ok().content_type(ContentType::html()).body(html))
}

/// `303` after a form that has done its work, so that a reload does not send it again. `frame` turns it into an `HX-Redirect` for
/// htmx. `to` is a path of the console that the server has made.
pub(super) fn redirect(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, to)).finish()
}

/// The same with a message on the next page.
pub(super) fn redirect_with(staff: &Staff, to: &str, notice: Notice) -> HttpResponse {
    let cookie = notice.cookie(staff.is_over_tls);
    HttpResponse::SeeOther().insert_header((LOCATION, to)).insert_header((SET_COOKIE, cookie)).finish()
}

/// Later maps win.
fn render(template: &str, contexts: &[Value]) -> Result<String, ConsoleError> {
    templates::render(template, merge_maps(contexts.iter().rev().cloned())).map_err(ConsoleError::Template)
}
