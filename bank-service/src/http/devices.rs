//! `/api/devices`: the caller's devices for push notifications.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, Describe, Fields, FromFields, Kind, Parse, PathId, parse};
use service_kit::http::paging::refuse_unknown;
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use service_kit::request_schema;
use shared_events::DeviceId;

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::optional_body::read_optional;
use super::{AppState, responses};
use crate::domain::device::{Device, DeviceType, MAX_DEVICE_ID, MAX_PER_USER, MAX_PUSH_TOKEN, PushToken, device_id};
use crate::domain::policy::Action;
use crate::domain::unwritable::is_unwritable;
use crate::identity::devices::{DeviceError, RegisterDevice, TestText, register_device, remove_device, test_device};
use crate::store::{StoreError, devices};

/// Of a notification that its user words, in characters; longer ones are cut by telephones.
const MAX_TITLE: usize = 100;
const MAX_BODY: usize = 500;
const PRINTABLE: &str = "^[!-~]+$";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/devices").route(web::get().to(list_devices)).route(web::post().to(register)))
        .service(web::resource("/api/devices/{id}").route(web::delete().to(remove)))
        .service(web::resource("/api/devices/{id}/push-test").route(web::post().to(push_test)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_devices, register, remove, push_test))]
pub(super) struct Document;

// It has no `Debug`: it holds a push token.
struct RegisterDeviceRequest {
    device_id: String,
    device_type: DeviceType,
    push_token: PushToken,
}

impl FromFields for RegisterDeviceRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id", "has_push_token", "registered_on"]);
        let about = "What the app calls the device; the same name again replaces its token.";
        let device_id = parse::via(device_id).length(1, MAX_DEVICE_ID).pattern(PRINTABLE).described(about);
        let device_id = fields.required("device_id", device_id.example("9b2f6c1e-phone"));
        let device_type = fields.required("device_type", parse::via(DeviceType::parse).component::<DeviceType>());
        let about = "What the push service calls the app on the device.";
        let push_token = parse::via(PushToken::parse).length(16, MAX_PUSH_TOKEN).pattern(PRINTABLE).described(about);
        let push_token = fields.required("push_token", push_token.example("fcm-registration-token"));
        Some(Self { device_id: device_id?, device_type: device_type?, push_token: push_token? })
    }
}

request_schema!(RegisterDeviceRequest);

/// The devices of a user.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct DevicesBody {
    /// All of them, by id.
    results: Vec<Device>,
}

/// The answer to the request for a test notification.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PushRequestedBody {
    /// The action that was done, as a sentence.
    #[schema(example = "push requested")]
    msg: &'static str,
}

/// The caller's devices, at most ten: all of them in one answer, without pages.
#[utoipa::path(
    get,
    path = "/api/devices",
    tag = "devices",
    responses(
        (status = 200, description = "The devices, by id", body = DevicesBody),
        (status = 422, description = "An unknown query parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_devices(state: web::Data<AppState>, request: HttpRequest, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListDevices)?;
    refuse_unknown(request.query_string(), &[])?;
    let user = actor.user_id;
    let results = state.store.read(move |db| devices::list(db, user)).await.map_err(|error: StoreError| error)?;
    Ok(HttpResponse::Ok().json(DevicesBody { results }))
}

/// Registers a device, or gives a known one another push token. A push token belongs to who registered it last.
#[utoipa::path(
    operation_id = "register_device",
    post,
    path = "/api/devices",
    tag = "devices",
    request_body = RegisterDeviceRequest,
    responses(
        (status = 201, description = "The device", body = ItemBody<Device>),
        (status = 409, description = "The caller has ten devices already", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn register(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    body: Body<RegisterDeviceRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::RegisterDevice)?;
    let Body(RegisterDeviceRequest { device_id, device_type, push_token }) = body;
    let key = idempotency_key(&request, &state, Some(actor.user_id))?;
    let remote_addr = client.0.to_string();
    let command = RegisterDevice { user_id: actor.user_id, device_id, device_type, push_token, remote_addr };
    let identity = state.identity.clone();
    let ctx = state.ctx(actor.user_id);
    let registered = state.create(&ctx, key, move |db, ctx| register_device(db, ctx, identity.vault(), &command));
    Ok(responses::created(registered.await?, "/api/devices"))
}

/// Removes one of the caller's devices.
#[utoipa::path(
    operation_id = "remove_device",
    delete,
    path = "/api/devices/{id}",
    tag = "devices",
    responses(
        (status = 200, description = "The device that was removed", body = ItemBody<Device>),
    )
)]
async fn remove(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    client: ClientAddr,
    id: PathId<DeviceId>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::RemoveDevice)?;
    let (PathId(id), from, expected) = (id, client.0.to_string(), responses::expected(&request)?);
    let device = state.write(actor.user_id, move |db, _| remove_device(db, scope, id, &expected, &from)).await?;
    Ok(envelope::deleted(&device))
}

// The fields of the body; a missing body counts as an empty one.
struct PushTestRequest(TestText);

impl FromFields for PushTestRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let title = shown(MAX_TITLE).described("The notification's first line, at most 100 characters.");
        let title = fields.optional("title", title.example("Test"));
        let body = shown(MAX_BODY).described("The notification's text, at most 500 characters.");
        let body = fields.optional("body", body.example("Notifications reach this device."));
        let usual = TestText::default();
        Some(Self(TestText { title: title?.unwrap_or(usual.title), body: body?.unwrap_or(usual.body) }))
    }
}

request_schema!(PushTestRequest, "A text of one's own.");

/// A text for a screen: something to see in it, and no unwritable character.
fn shown(most: usize) -> Kind<impl Parse<String>, impl Describe> {
    parse::string(1, most).and_then(|text| {
        let fits = !text.trim().is_empty() && !text.chars().any(is_unwritable);
        let fault = "must not be blank, nor have control characters or noncharacters of Unicode";
        if fits { Ok(text) } else { Err(fault.to_owned()) }
    })
}

/// Sends a notification to one of the caller's devices, to see whether it arrives; at most five a minute. It is sent after the
/// answer, with the body's text if it has one.
#[utoipa::path(
    operation_id = "send_test_notification",
    post,
    path = "/api/devices/{id}/push-test",
    tag = "devices",
    request_body = Option<PushTestRequest>,
    responses(
        (status = 202, description = "It will be sent", body = PushRequestedBody),
        (status = 409, description = "The device has no push token any more", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "More than five a minute of one user", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn push_test(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    id: PathId<DeviceId>,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::TestDevice)?;
    let PushTestRequest(text) = read_optional(&request, body)?;
    state.limits.push_tests.take(&actor.user_id)?;
    let PathId(id) = id;
    state.write(actor.user_id, move |db, _| test_device(db, scope, id, &text)).await?;
    Ok(HttpResponse::Accepted().json(PushRequestedBody { msg: "push requested" }))
}

impl From<DeviceError> for Problem {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::TooMany => Self::conflict(format!("{MAX_PER_USER} devices are registered; remove one first.")),
            DeviceError::NoToken => Self::conflict("The device has no push token any more; register it again."),
            DeviceError::OutOfScope(error) => error.into(),
            DeviceError::Stale(error) => error.into(),
            DeviceError::Idempotency(error) => error.into(),
            DeviceError::Store(error) => error.into(),
            error @ DeviceError::Vault(_) => Self::internal(&error),
        }
    }
}
