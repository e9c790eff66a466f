//! `/console/mails/templates`: each template of email-service, rendered by its API with sample data.
//!
//! The HTML part is a document of its own in a frame that runs no script, sends no form and is of no origin, whatever the template
//! has; only this page may show it.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType, HeaderValue, X_FRAME_OPTIONS};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::http::problem::Problem;

use crate::console::error::ConsoleError;
use crate::console::flow::pretty;
use crate::console::page::page;
use crate::console::peers::{Peer, PeerFault};
use crate::console::staff::Staff;
use crate::http::AppState;

/// The policy of the console's pages, and a frame of this site.
const WITH_FRAME: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src 'self'";
/// Of the HTML part of a mail.
const SANDBOX: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'self'";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/mails/templates").route(web::get().to(show_list)))
        .service(web::resource("/mails/templates/{name}").route(web::get().to(show_preview)))
        .service(web::resource("/mails/templates/{name}/html").route(web::get().to(show_html)));
}

/// The variables of `mail_templates.html`.
#[derive(Serialize)]
struct ListView {
    names: Vec<&'static str>,
}

/// The variables of `mail_preview.html`.
#[derive(Serialize)]
struct PreviewView {
    name: String,
    sample: String,
    preview: Option<Preview>,
    fault: Option<PeerFault>,
}

/// A rendered mail.
#[derive(Debug, Serialize, Deserialize)]
struct Preview {
    subject: String,
    text: String,
    html: String,
}

/// The templates of email-service with data that each of them takes. email-service refuses a name that it does not know, and
/// the page shows that.
fn samples() -> Vec<(&'static str, Value)> {
    let link = "https://bank.example/sample";
    let proof = json!({"name": "Ada Lovelace", "link": link, "code": "123456", "valid_for": "24 hours"});
    vec![
        ("account.created", json!({"id": 1, "name": "Ada Lovelace", "balance": 152_000, "currency": "EUR"})),
        ("bank.created", json!({"id": 1, "name": "First Bank"})),
        ("user.created", json!({})),
        ("verify-email", proof.clone()),
        ("reset-password", proof.clone()),
        ("invitation", proof),
        ("notice", json!({"name": "Ada Lovelace", "subject": "A new login", "text": "First line.\nSecond line."})),
        ("test", json!({})),
        (
            "transfer",
            json!({
                "id": "01980f3e-0c1a-7c3e-9f0a-3f6d2b1c8e55", "kind": "transfer", "status": "posted", "amount": 2_500,
                "currency": "EUR", "from": {"account_id": 1}, "to": {"card_id": 2},
            }),
        ),
    ]
}

fn sample(name: &str) -> Result<Value, ConsoleError> {
    let found = samples().into_iter().find(|(known, _)| *known == name);
    found.map(|(_, data)| data).ok_or_else(|| Problem::not_found("template").into())
}

async fn show_list(staff: Staff, request: HttpRequest) -> Result<HttpResponse, ConsoleError> {
    let names = samples().into_iter().map(|(name, _)| name).collect();
    page(&staff, &request, "Templates of mails", "mail_templates.html", ListView { names })
}

async fn show_preview(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let name = name.into_inner();
    let data = sample(&name)?;
    let sample = pretty(&data);
    let (preview, fault) = match preview(&state, &staff, &name, data).await {
        Ok(preview) => (Some(preview), None),
        Err(fault) => (None, Some(fault)),
    };
    let view = PreviewView { name, sample, preview, fault };
    let mut response = page(&staff, &request, "Preview of a mail", "mail_preview.html", view)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(WITH_FRAME));
    Ok(response)
}

/// The HTML part, for the frame.
async fn show_html(
    state: web::Data<AppState>,
    staff: Staff,
    name: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let data = sample(&name)?;
    let rendered = preview(&state, &staff, &name, data).await;
    let html = rendered.map_or_else(|_| "<!doctype html><title>No preview</title>".to_owned(), |mail| mail.html);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, SANDBOX))
        .insert_header((X_FRAME_OPTIONS, "SAMEORIGIN"))
        .content_type(ContentType::html())
        .body(html))
}

async fn preview(state: &AppState, staff: &Staff, name: &str, data: Value) -> Result<Preview, PeerFault> {
    let body = json!({"template": name, "data": data});
    Peer::email_service(state, staff)?.post("/api/emails/preview", &body).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::frame::POLICY;

    #[test]
    fn the_page_of_a_preview_may_load_one_frame_more_than_others() {
        assert_eq!(WITH_FRAME, format!("{POLICY}; frame-src 'self'"));
    }
}
