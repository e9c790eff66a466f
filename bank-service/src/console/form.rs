//! Forms: read only from a page of this site, and from one of the session that they act in.
//!
//! A form is a struct of texts with `#[serde(deny_unknown_fields)]`; its handler parses them. A choice that decides what is done
//! is an enum with the words of its page, and a box an `Option<Checked>`: any other word is refused. A field whose name ends in
//! `[]` may come any number of times and is a `Vec<String>` under the name without the brackets (with `#[serde(default)]`: without
//! a box that is checked, a browser sends none). Any other field comes once.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_kit::http::fields::require_form;
use service_kit::http::problem::{ErrorCode, Problem};

use super::error::ConsoleError;
use super::site;
use super::staff::Staff;

const TOKEN_FIELD: &str = "_token";
const TOKEN_HEADER: &str = "X-Form-Token";
/// How long a client may take to send a form.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// More fields than the largest form has.
const MAX_FIELDS: usize = 1_000;

/// The value of a box that is checked. Without a check, a browser leaves the field out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Checked {
    Yes,
}

/// A form of a session: 403 unless this site's own page sent it with the session's token.
pub(super) struct Form<T> {
    pub(super) staff: Staff,
    pub(super) data: T,
}

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = ConsoleError;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), web::Bytes::from_request(request, payload));
        Box::pin(async move {
            let staff = Staff::extract(&request).await?;
            let mut fields = read(&request, body).await?;
            let field = fields.remove(TOKEN_FIELD);
            let header = request.headers().get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
            let given = field.as_ref().and_then(Value::as_str).or(header).ok_or(ConsoleError::Foreign)?;
            if !staff.token.matches(given) {
                return Err(ConsoleError::Foreign);
            }
            Ok(Self { staff, data: data(fields)? })
        })
    }
}

/// A form without a session, such as the one of the login: 403 unless this site's own page sent it.
pub(super) struct AnonymousForm<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for AnonymousForm<T> {
    type Error = ConsoleError;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), web::Bytes::from_request(request, payload));
        Box::pin(async move { Ok(Self(data(read(&request, body).await?)?)) })
    }
}

/// Checks the request's origin, then reads its fields.
async fn read(
    request: &HttpRequest,
    body: impl Future<Output = Result<web::Bytes, actix_web::Error>>,
) -> Result<Map<String, Value>, ConsoleError> {
    if !site::sent(request) {
        return Err(ConsoleError::Foreign);
    }
    require_form(request)?;
    let late = |_| Problem::new(ErrorCode::RequestTimeout, "The form did not arrive in time.");
    let body = tokio::time::timeout(READ_LIMIT, body).await.map_err(late)?;
    let body = body.map_err(|error| {
        let code = ErrorCode::from_status(error.as_response_error().status_code());
        Problem::new(code, "The form is too large, or did not arrive complete.")
    })?;
    fields(&body)
}

fn fields(body: &[u8]) -> Result<Map<String, Value>, ConsoleError> {
    let mut fields = Map::new();
    for (count, (name, value)) in url::form_urlencoded::parse(body).enumerate() {
        let value = Value::String(value.into_owned());
        let is_free = match name.strip_suffix("[]") {
            Some(list) => match fields.entry(list).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(values) => {
                    values.push(value);
                    true
                }
                _ => false,
            },
            None => fields.insert(name.into_owned(), value).is_none(),
        };
        if !is_free || count >= MAX_FIELDS {
            return Err(unreadable());
        }
    }
    Ok(fields)
}

fn data<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, ConsoleError> {
    serde_json::from_value(Value::Object(fields)).map_err(|_| unreadable())
}

fn unreadable() -> ConsoleError {
    let detail = "The form has missing, unknown or repeated fields, or a choice that its page does not offer. \
                  Open its page again and send it from there.";
    Problem::malformed(detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug, PartialEq, Eq)]
    #[serde(deny_unknown_fields)]
    struct Chosen {
        reason: String,
        #[serde(default)]
        id: Vec<String>,
        all: Option<Checked>,
    }

    fn chosen(body: &str) -> Option<Chosen> {
        fields(body.as_bytes()).and_then(data).ok()
    }

    #[test]
    fn a_field_comes_once_and_a_list_any_number_of_times() {
        let both = Chosen { reason: "a b".to_owned(), id: vec!["1".to_owned(), "2".to_owned()], all: None };
        assert_eq!(chosen("reason=a+b&id%5B%5D=1&id[]=2"), Some(both));
        assert_eq!(chosen("reason="), Some(Chosen { reason: String::new(), id: Vec::new(), all: None }));
        for bad in ["", "reason=a&reason=b", "reason=a&other=1", "reason[]=a", "reason=a&id=1", "id[]=1&reason=a&id=2"]
        {
            assert_eq!(chosen(bad), None, "{bad}");
        }
        assert_eq!(chosen(&format!("reason=a{}", "&id[]=1".repeat(MAX_FIELDS + 1))), None);
    }

    #[test]
    fn a_box_is_checked_by_its_own_value_alone() {
        assert_eq!(chosen("reason=a&all=yes").map(|form| form.all), Some(Some(Checked::Yes)));
        for bad in ["", "no", "false", "on", "true", "YES", "yes+"] {
            assert_eq!(chosen(&format!("reason=a&all={bad}")), None, "{bad:?}");
        }
        assert_eq!(chosen("reason=a&all[]=yes"), None);
    }
}
