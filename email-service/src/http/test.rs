//! `POST /api/emails/test`

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use service_kit::clock::SharedClock;
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{FieldErrors, Problem};
use service_kit::http::rate::RateLimit;
use service_kit::request_schema;
use utoipa::openapi::KnownFormat;

use super::problem_map::test_problem;
use super::responses::SendProblems;
use super::staff::Staff;
use super::{DeliveryView, Parts};
use crate::domain::EmailAddress;
use crate::operations::{TestMail, send_test};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// The fields of a delivery: the server sets all of them.
const READ_ONLY: [&str; 10] = [
    "id",
    "event_id",
    "event_type",
    "recipient",
    "message_id",
    "state",
    "attempts",
    "answer",
    "created_at",
    "updated_at",
];
const MAX_KEY_BYTES: usize = 255;
/// A test is done with a mail or two; a stolen token must not send mail to anybody without end.
const MAILS_PER_MINUTE: u32 = 10;

/// How often each caller, by its token's `sub`, may send a test mail.
pub type TestLimit = Arc<RateLimit<String>>;

pub fn test_limit(clock: SharedClock) -> TestLimit {
    Arc::new(RateLimit::new(MAILS_PER_MINUTE, Duration::from_mins(1), clock))
}

/// The recipient of the test mail.
#[derive(Debug, Clone)]
pub(super) struct TestRequest {
    to: EmailAddress,
}

impl FromFields for TestRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&READ_ONLY);
        let to = parse::via(str::parse::<EmailAddress>).length(0, 254).format(KnownFormat::Email);
        let to = to.described("The address that the test mail goes to, at most 254 characters.");
        fields.required("to", to.example("john.doe@example.com")).map(|to| Self { to })
    }
}

request_schema!(TestRequest, "The recipient of the test mail.");

/// Sends a test mail now. With an `Idempotency-Key`, once. A user may ask for 10 in a minute.
#[utoipa::path(
    post, path = "/api/emails/test", tag = "emails", operation_id = "send_test_email",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$", description = "Up to 255 characters: the same key sends once.")),
    request_body = TestRequest,
    responses(
        (status = 201, description = "The mail server has answered: see `state`.", body = ItemBody<DeliveryView>),
        SendProblems,
    ),
)]
pub(super) async fn send_test_email(
    request: HttpRequest,
    body: Body<TestRequest>,
    parts: web::Data<Parts>,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(&request)?;
    let caller = request.extensions().get::<Staff>().map(|staff| staff.0.sub.clone()).unwrap_or_default();
    parts.test_limit.take(&caller)?;
    let mail = TestMail { to: body.0.to, key: key.map(|key| (caller, key)) };
    let delivery = send_test(&parts.mail_service, &parts.templates, &parts.clock, mail)
        .await
        .map_err(|error| test_problem(&error))?;
    let location = format!("/api/emails/{}", delivery.id.get());
    Ok(envelope::created(&DeliveryView::from(&delivery), &location))
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if is_sane(key) => Ok(Some(key.to_owned())),
        _ => {
            let message = format!("must have 1 to {MAX_KEY_BYTES} visible ASCII characters");
            Err(Problem::validation(FieldErrors::from([(IDEMPOTENCY_KEY.to_owned(), vec![message])])))
        }
    }
}

fn is_sane(key: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}
