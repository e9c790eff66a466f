//! Parsers and request bodies that several resources share.

use std::marker::PhantomData;

use serde_json::Value;
use service_kit::http::fields::{Fields, FromFields, parse};
use shared_events::{Currency, NAME_MARKS};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::domain::balance::{Balance, BalanceError};
use crate::domain::currency;
use crate::domain::name::Name;

pub(super) fn name(value: &Value) -> Result<Name, String> {
    parse::via(Name::parse)(value)
}

pub(super) fn balance(value: &Value) -> Result<Balance, String> {
    let minor = parse::integer(value).map_err(|_| BalanceError.to_string())?;
    Balance::requested(minor).map_err(|error| error.to_string())
}

pub(super) fn currency(value: &Value) -> Result<Currency, String> {
    parse::via(currency::in_use)(value)
}

/// A name for something new.
#[derive(Debug)]
pub(super) struct NameRequest(pub(super) Name);

impl FromFields for NameRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        fields.required("name", name).map(Self)
    }
}

/// A new name, if one is given.
#[derive(Debug)]
pub(super) struct RenameRequest(pub(super) Option<Name>);

impl FromFields for RenameRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        fields.optional("name", name).map(Self)
    }
}

/// A name, as the document shows it. Its rule is told in words: as a pattern it would mean something else to each reader.
pub(super) struct NameText;

impl utoipa::PartialSchema for NameText {
    fn schema() -> RefOr<Schema> {
        let rule = format!(
            "Letters (at least one), combining marks and digits of any script, spaces, dashes, and the marks {NAME_MARKS}. \
             Kept in NFC, with space around it cut and one blank for each run of spaces."
        );
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(100));
        text.description(Some(rule)).examples(["Anne-Marie"]).into()
    }
}

impl utoipa::ToSchema for NameText {}

/// `{"name": "…"}`
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which `NameRequest` reads")]
pub(super) struct NameBody {
    name: NameText,
}

/// `{"name": "…"}`, or nothing to change.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which `RenameRequest` reads")]
pub(super) struct RenameBody {
    #[schema(required = false)]
    name: NameText,
}

/// What a list of read-only fields is, at compile time.
pub(super) trait ReadOnly {
    const FIELDS: &'static [&'static str];
}

/// A new balance, if one is given; `R` says what else an item has, which cannot be changed.
#[derive(Debug)]
pub(super) struct BalanceRequest<R> {
    pub(super) balance: Option<Balance>,
    read_only: PhantomData<R>,
}

impl<R: ReadOnly> FromFields for BalanceRequest<R> {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(R::FIELDS);
        let balance = fields.optional("balance", balance)?;
        Some(Self { balance, read_only: PhantomData })
    }
}

/// `{"balance": 520}`
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BalanceBody {
    /// In the minor unit of the account's currency.
    #[schema(required = false, minimum = 0, example = 520)]
    #[expect(dead_code, reason = "it describes a body, which `BalanceRequest` reads")]
    balance: i64,
}
