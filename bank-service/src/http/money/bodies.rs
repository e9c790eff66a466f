//! The bodies of requests that move money.

use chrono::TimeDelta;
use serde_json::{Map, Value};
use service_kit::http::fields::{Describe, FieldSchema, Fields, FromFields, Kind, Parse, parse};
use service_kit::request_schema;
use shared_events::{AccountId, CardId, Currency};
use utoipa::ToSchema;

use crate::domain::ledger::{Amount, AmountError, LedgerId, Order, Text, TransferKind};
use crate::domain::unwritable::is_unwritable;

/// ISO 20022 has room for so many characters in an end-to-end id.
const REFERENCE: usize = 35;
/// And SEPA for so many in a remittance text.
const DESCRIPTION: usize = 140;
const SHORTEST_HOLD: i64 = 60;
const LONGEST_HOLD: i64 = 2_592_000;
const USUAL_HOLD: i64 = 604_800;
/// How many transfers a batch has at most.
const BATCH: usize = 500;

/// A side of a transfer: an account or a card.
#[derive(Debug, ToSchema)]
#[schema(as = SideBody, example = json!({"account_id": 1}))]
#[expect(dead_code, reason = "only the document reads it")]
struct SideBody {
    /// The account; not beside `card_id`.
    #[schema(minimum = 1)]
    account_id: Option<i64>,
    /// The card; not beside `account_id`.
    #[schema(minimum = 1)]
    card_id: Option<i64>,
}

fn side() -> Kind<impl Parse<LedgerId>, impl Describe> {
    Kind::new(read_side, FieldSchema::component::<SideBody>)
}

fn read_side(value: &Value) -> Result<LedgerId, String> {
    let message = || "must be {\"account_id\": …} or {\"card_id\": …}".to_owned();
    let Some(side) = value.as_object().filter(|side| side.len() == 1) else { return Err(message()) };
    match (side.get("account_id"), side.get("card_id")) {
        (Some(id), None) => parse::id::<AccountId>().read(id).map(LedgerId::of_account),
        (None, Some(id)) => parse::id::<CardId>().read(id).map(LedgerId::of_card),
        _ => Err(message()),
    }
}

/// The debited side of a body of `POST /api/transfers`, whatever else is wrong with that.
pub(super) fn debited(given: &Map<String, Value>) -> Option<LedgerId> {
    read_side(given.get("from")?).ok()
}

fn amount() -> Kind<impl Parse<Amount>, impl Describe> {
    let parse = |value: &Value| value.as_i64().ok_or(AmountError).and_then(Amount::try_new).map_err(|e| e.to_string());
    Kind::new(parse, FieldSchema::integer).minimum(1).maximum(Amount::MAX).example(100)
}

/// A text of one line.
fn line(max: usize) -> Kind<impl Parse<String>, impl Describe> {
    parse::string(1, max).and_then(|text: String| {
        let text = text.trim();
        match text.chars().any(is_unwritable) {
            true => Err("must have no control characters, nor noncharacters of Unicode such as U+FFFF".to_owned()),
            false if text.is_empty() => Err("must not be blank".to_owned()),
            false => Ok(text.to_owned()),
        }
    })
}

#[expect(clippy::option_option, reason = "a fault, absent and a text are three things")]
fn reference(fields: &mut Fields) -> Option<Option<String>> {
    let about = "The sender's own id of the payment, which both sides see (the end-to-end id of ISO 20022).";
    fields.optional("reference", line(REFERENCE).described(about).example("INVOICE-7"))
}

#[expect(clippy::option_option, reason = "a fault, absent and a text are three things")]
fn description(fields: &mut Fields) -> Option<Option<String>> {
    fields.optional("description", line(DESCRIPTION).described("What it is for, for both sides to see."))
}

#[derive(Debug)]
pub(super) struct TransferBody(pub(super) Order);

impl FromFields for TransferBody {
    fn read(fields: &mut Fields) -> Option<Self> {
        let from = fields.required("from", side().described("Debited: the caller's own, unless it is staff."));
        let to = fields.required("to", side().described("Credited."));
        let amount = fields.required("amount", amount().described("In the minor unit of the currency."));
        let about = "If it is given, both sides have to have it. Money is never exchanged.";
        let currency = parse::via(str::parse::<Currency>).pattern("^[A-Z]{3}$").described(about).example("EUR");
        let currency = fields.optional("currency", currency);
        let (reference, description) = (reference(fields), description(fields));
        let hold = fields.optional("hold", parse::boolean().described("Hold the money now, and move it by a capture."));
        let message = || format!("must be a whole number from {SHORTEST_HOLD} to {LONGEST_HOLD}");
        let seconds = move |value: &Value| {
            let seconds = value.as_i64().filter(|seconds| (SHORTEST_HOLD..=LONGEST_HOLD).contains(seconds));
            seconds.ok_or_else(message)
        };
        let seconds = Kind::new(seconds, FieldSchema::integer).minimum(SHORTEST_HOLD).maximum(LONGEST_HOLD);
        let about = "Seconds after which a hold ends by itself; a week if it is not given. Only with `hold`.";
        let seconds = fields.optional("expires_in", seconds.described(about).example(USUAL_HOLD));
        let hold = hold.map(|hold| hold.unwrap_or(false));
        if hold == Some(false) && fields.was_given("expires_in") {
            fields.fault("expires_in", "is only for a hold");
            return None;
        }
        let length = TimeDelta::seconds(seconds?.unwrap_or(USUAL_HOLD));
        Some(Self(Order {
            from: from?,
            to: to?,
            amount: amount?,
            currency: currency?,
            kind: TransferKind::Transfer,
            text: Text { reference: reference?, description: description? },
            hold: hold?.then_some(length),
        }))
    }
}

request_schema!(TransferBody, "Money to be moved, or held to be moved.");

/// A deposit or a withdrawal.
#[derive(Debug)]
pub(super) struct OutsideBody {
    pub(super) amount: Amount,
    pub(super) text: Text,
}

impl FromFields for OutsideBody {
    fn read(fields: &mut Fields) -> Option<Self> {
        let amount = fields.required("amount", amount().described("In the minor unit of the account's currency."));
        let (reference, description) = (reference(fields), description(fields));
        Some(Self { amount: amount?, text: Text { reference: reference?, description: description? } })
    }
}

request_schema!(OutsideBody, "Money that came from outside, or goes there.");

#[derive(Debug)]
pub(super) struct CaptureBody {
    pub(super) amount: Option<Amount>,
}

impl FromFields for CaptureBody {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "At most what is held; all of it, if it is not given. The rest is free again.";
        Some(Self { amount: fields.optional("amount", amount().described(about))? })
    }
}

request_schema!(CaptureBody, "How much of a hold is moved.");

/// A void has no fields: a hold is given up as a whole.
#[derive(Debug)]
pub(super) struct VoidBody;

impl FromFields for VoidBody {
    fn read(_: &mut Fields) -> Option<Self> {
        Some(Self)
    }
}

#[derive(Debug)]
pub(super) struct ReverseBody {
    pub(super) amount: Option<Amount>,
    pub(super) text: Text,
}

impl FromFields for ReverseBody {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "At most what is not reversed yet; all of that, if it is not given.";
        let amount = fields.optional("amount", amount().described(about));
        let description =
            fields.required("description", line(DESCRIPTION).described("The reason, for both sides to see."));
        Some(Self { amount: amount?, text: Text { reference: None, description: Some(description?) } })
    }
}

request_schema!(ReverseBody, "How much is given back, and why.");

/// Many transfers.
#[derive(Debug)]
pub(super) struct BatchBody {
    pub(super) is_atomic: bool,
    pub(super) orders: Vec<Order>,
}

impl FromFields for BatchBody {
    fn read(fields: &mut Fields) -> Option<Self> {
        let about = "Whether all are done in one transaction or none. Otherwise each has a result of its own.";
        let is_atomic = fields.optional("atomic", parse::boolean().described(about));
        let about = "In this order; each is as in `POST /api/transfers`.";
        let transfers = fields.required_list::<TransferBody>("transfers", (1, BATCH), about);
        let orders = transfers.map(|transfers| transfers.into_iter().map(|body| body.0).collect());
        Some(Self { is_atomic: is_atomic?.unwrap_or(false), orders: orders? })
    }
}

request_schema!(BatchBody, "Up to 500 transfers.");
