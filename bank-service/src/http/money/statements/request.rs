//! A request for a statement: its period and its format.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use service_kit::http::accepted_types;
use service_kit::http::paging::{parameters, refuse_unknown};
use service_kit::http::problem::{FieldErrors, Problem};
use utoipa::{IntoParams, ToSchema};

use crate::domain::statement::{Calendar, Period, StatementFormat};

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct StatementParams {
    /// The first day.
    #[param(format = Date, example = "2026-01-01")]
    from: Option<String>,
    /// The last day, which is included: at most the 366th, and not in the future.
    #[param(format = Date, example = "2026-01-31")]
    to: Option<String>,
    /// `json` unless the first media type that `Accept` does not refuse (`q=0`) is that of another one. camt.053, OFX and MT940 are of closed days only.
    #[param(inline)]
    format: Option<FormatName>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape for the document only")]
enum FormatName {
    #[schema(rename = "json")]
    Json,
    #[schema(rename = "csv")]
    Csv,
    #[schema(rename = "pdf")]
    Pdf,
    #[schema(rename = "camt.053")]
    Camt053,
    #[schema(rename = "ofx")]
    Ofx,
    #[schema(rename = "mt940")]
    Mt940,
}

pub(super) struct StatementRequest {
    pub(super) period: Period,
    pub(super) format: StatementFormat,
}

impl StatementRequest {
    /// All faults at once.
    pub(super) fn read(request: &HttpRequest, calendar: Calendar, now: DateTime<Utc>) -> Result<Self, Problem> {
        let query = request.query_string();
        refuse_unknown(query, &["from", "to", "format"])?;
        let given = parameters(query)?;
        let value = |name: &str| given.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let format = match value("format") {
            Some(name) => StatementFormat::parse(name),
            None => Some(accepted(request)),
        };
        match (format, Period::parse(value("from"), value("to"), calendar, now)) {
            (Some(format), Ok(period)) => Ok(Self { period, format }),
            (format, period) => {
                let mut faults = FieldErrors::new();
                if format.is_none() {
                    let names = StatementFormat::ALL.map(StatementFormat::as_str).join(", ");
                    faults.insert("format".to_owned(), vec![format!("must be one of {names}")]);
                }
                for fault in period.err().into_iter().flatten() {
                    faults.entry(fault.field.to_owned()).or_default().push(fault.message.to_owned());
                }
                Err(Problem::validation(faults))
            }
        }
    }
}

/// The format of the first media type that the client accepts; JSON, if it is of none.
fn accepted(request: &HttpRequest) -> StatementFormat {
    let first = accepted_types(request).next().unwrap_or_default();
    let is_first = |format: &StatementFormat| without_parameters(media_type(*format)).eq_ignore_ascii_case(first);
    StatementFormat::ALL.into_iter().find(is_first).unwrap_or(StatementFormat::Json)
}

fn without_parameters(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

pub(super) fn media_type(format: StatementFormat) -> &'static str {
    match format {
        StatementFormat::Json => "application/json",
        StatementFormat::Csv => "text/csv; charset=utf-8; header=present",
        StatementFormat::Pdf => "application/pdf",
        StatementFormat::Camt053 => "application/xml",
        StatementFormat::Ofx => "application/x-ofx",
        StatementFormat::Mt940 => "application/x-mt940",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_first_media_type_that_is_accepted_chooses_the_format() {
        for (accept, expected) in [
            ("", StatementFormat::Json),
            ("*/*", StatementFormat::Json),
            ("application/json, text/plain, */*", StatementFormat::Json),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", StatementFormat::Json),
            ("text/csv", StatementFormat::Csv),
            ("Application/PDF;q=1, application/json", StatementFormat::Pdf),
            ("application/xml", StatementFormat::Camt053),
            ("text/csv;q=0, application/pdf;q=0.1", StatementFormat::Pdf),
            ("application/pdf;q=0.0", StatementFormat::Json),
            ("application/x-ofx", StatementFormat::Ofx),
            ("application/x-mt940", StatementFormat::Mt940),
        ] {
            let request = TestRequest::default().insert_header((header::ACCEPT, accept)).to_http_request();
            assert_eq!(accepted(&request), expected, "{accept}");
        }
        assert_eq!(accepted(&TestRequest::default().to_http_request()), StatementFormat::Json);
    }
}
