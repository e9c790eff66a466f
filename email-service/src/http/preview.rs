//! `POST /api/emails/preview`

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::Problem;
use service_kit::request_schema;
use utoipa::ToSchema;

use super::Parts;
use super::problem_map::render_problem;
use super::responses::WriteProblems;
use crate::templates::{Facts, FactsError, Template};

/// A mail as it would be sent, by the values that its template reads from the data.
#[derive(Debug, Clone)]
pub(super) struct PreviewRequest {
    template: Template,
    facts: Facts,
}

impl FromFields for PreviewRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "The template's name: that of an event, or of a mail that is asked for.";
        let template = parse::via(|name| Template::by_name(name).ok_or("no such template")).described(about);
        let names = Template::ALL.iter().map(|template| template.name());
        let template = fields.required("template", template.values(names).example("account.created"));
        let data = parse::object().with_object(|data| data.description = Some(about_data()));
        let data = fields.required("data", data);
        let (template, data) = (template?, Value::Object(data?));
        match Facts::read(template, &data) {
            Ok(facts) => Some(Self { template, facts }),
            Err(FactsError { faults }) => {
                for (name, messages) in faults {
                    for message in messages {
                        fields.fault(&format!("data.{name}"), message);
                    }
                }
                None
            }
        }
    }
}

request_schema!(PreviewRequest, "What a mail would look like.");

/// Which fields each template reads.
fn about_data() -> String {
    let fields = Template::ALL.iter().map(|template| format!("`{}`: {}", template.name(), template.fields_in_words()));
    format!(
        "The event's data, or the request's parameters: texts of one line, unless it is said otherwise. What a template \
         does not read is passed over. By template: {}.",
        fields.collect::<Vec<_>>().join(". ")
    )
}

/// A rendered mail.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Preview {
    /// The subject, on one line.
    #[schema(example = "Your account no. 1 is open")]
    subject: String,
    /// The part in plain text.
    text: String,
    /// The part in HTML, a whole document.
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
    let Body(PreviewRequest { template, facts }) = body;
    let content = parts.templates.render(template, &facts.values).map_err(|error| render_problem(&error))?;
    Ok(HttpResponse::Ok().json(Preview { subject: content.subject, text: content.text, html: content.html }))
}
