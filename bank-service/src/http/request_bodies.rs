//! Fields and requests that several resources share.

use serde_json::{Value, json};
use service_kit::http::fields::{Describe, FieldSchema, Fields, FromFields, Kind, Parse, parse};
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::request_schema;
use shared_events::NAME_MARKS;
use utoipa::openapi::Object;

use super::state::AppState;
use crate::domain::balance::{Balance, BalanceError};
use crate::domain::name::Name;
use crate::domain::scope::Scope;

/// A name. Its rule is described in words: as a pattern it would mean something else to each reader.
pub(super) fn name() -> Kind<impl Parse<Name>, impl Describe> {
    let rule = |text: &mut Object| {
        text.description = Some(format!(
            "Letters (at least one), combining marks and digits of any script, spaces, dashes, and the marks {NAME_MARKS}. \
             Kept in NFC, with space around it cut and one blank for each run of spaces."
        ));
        text.examples = vec![json!("Anne-Marie")];
    };
    parse::via(Name::parse).length(1, 100).with_object(rule).named("NameText")
}

/// An amount that a request sets.
pub(super) fn balance() -> Kind<impl Parse<Balance>, impl Describe> {
    let parse = |value: &Value| value.as_i64().ok_or(BalanceError).and_then(Balance::requested);
    let parse = move |value: &Value| parse(value).map_err(|error| error.to_string());
    Kind::new(parse, FieldSchema::integer).minimum(0).maximum(Balance::MAX).example(520)
}

/// A name for something new.
#[derive(Debug)]
pub(super) struct NameRequest(pub(super) Name);

impl FromFields for NameRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        fields.required("name", name()).map(Self)
    }
}

request_schema!(NameRequest as "NameBody", "`{\"name\": \"…\"}`");

/// A new name, if one is given.
#[derive(Debug)]
pub(super) struct RenameRequest(pub(super) Option<Name>);

impl FromFields for RenameRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        fields.optional("name", name()).map(Self)
    }
}

request_schema!(RenameRequest as "RenameBody", "`{\"name\": \"…\"}`, or nothing to change.");

/// Refuses an owner that gives a balance where only transfers and staff move money.
pub(super) fn may_set(state: &AppState, scope: Scope, balance: Option<Balance>) -> Result<(), Problem> {
    match (scope, balance) {
        (Scope::Own(_), Some(_)) if !state.owners_set_balances() => {
            let detail = "An owner gives and sets no balance here: omit `balance`. Money moves by POST /api/transfers.";
            Err(Problem::new(ErrorCode::AccessDenied, detail))
        }
        _ => Ok(()),
    }
}
