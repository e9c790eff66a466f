//! `POST /api/emails/preview`

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{FieldErrors, Problem};
use service_kit::request_schema;
use utoipa::ToSchema;

use super::Parts;
use super::problem_map::render_problem;
use super::responses::WriteProblems;
use crate::templates::{Facts, FactsError, Template};

/// What a mail would look like.
#[derive(Debug, Clone)]
pub(super) struct PreviewRequest {
    template: Template,
    data: Value,
}

impl FromFields for PreviewRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "The template's name: that of an event, or of a mail that is asked for.";
        let template = parse::via(|name| Template::by_name(name).ok_or("no such template")).described(about);
        let names = Template::ALL.iter().map(|template| template.name());
        let template = fields.required("template", template.values(names).example("account.created"));
        let about = "The event's data, or the request's parameters.";
        let data = fields.required("data", parse::object().described(about));
        Some(Self { template: template?, data: Value::Object(data?) })
    }
}

request_schema!(PreviewRequest, "What a mail would look like.");

/// A rendered mail.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Preview {
    #[schema(example = "Your account no. 1 is open")]
    subject: String,
    text: String,
    html: String,
}

/// Renders a mail without sending it.
#[utoipa::path(
    post, path = "/api/emails/preview", tag = "emails", operation_id = "preview_email",
    request_body = PreviewRequest,
    responses((status = 200, description = "The rendered mail.", body = Preview), WriteProblems),
)]
pub(super) async fn preview_email(
    body: Body<PreviewRequest>,
    parts: web::Data<Parts>,
) -> Result<HttpResponse, Problem> {
    let facts = Facts::read(body.0.template, &body.0.data).map_err(|error| Problem::validation(below_data(error)))?;
    let content = parts.templates.render(body.0.template, &facts.values).map_err(|error| render_problem(&error))?;
    Ok(HttpResponse::Ok().json(Preview { subject: content.subject, text: content.text, html: content.html }))
}

fn below_data(error: FactsError) -> FieldErrors {
    error.faults.into_iter().map(|(name, messages)| (format!("data.{name}"), messages)).collect()
}
