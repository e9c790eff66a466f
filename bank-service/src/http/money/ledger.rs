//! The ledger as a whole, for staff: its accounts, closed ones too, and its trial balance.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::paging::{ListBody, parameters, refuse_unknown};
use service_kit::http::problem::Problem;
use shared_events::Currency;
use utoipa::ToSchema;

use super::answers::date;
use super::sums::AmountSum;
use crate::domain::ledger::LedgerAccount;
use crate::domain::policy::Action;
use crate::http::actor::Actor;
use crate::http::lists;
use crate::http::problem_map::fault;
use crate::http::state::AppState;
use crate::store::StoreError;
use crate::store::ledger::{LEDGER_FILTERS, Total, list_accounts, totals};

/// A ledger account. It outlives the account or card that it belongs to.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerAccount)]
struct LedgerAccountView {
    /// Twice the id of its account, or twice the id of its card and one; negative for a bank's own.
    #[schema(example = 2)]
    id: i64,
    /// `account`, `card`, or which of the bank's own.
    #[schema(example = "account")]
    kind: &'static str,
    /// The account or card; null for a bank's own.
    item_id: Option<i64>,
    /// The bank.
    #[schema(minimum = 1, example = 1)]
    bank_id: i64,
    /// The client; null for a bank's own.
    client_id: Option<i64>,
    /// The client's user; null for a bank's own.
    user_id: Option<i64>,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// Credits minus debits.
    #[schema(example = 520)]
    balance: i64,
    /// Money that open holds keep from being spent.
    #[schema(minimum = 0, example = 0)]
    held: i64,
    /// How many entries there are.
    #[schema(minimum = 0, example = 1)]
    seq: i64,
    /// When it was opened.
    #[schema(format = DateTime)]
    opened_at: String,
    /// When it was closed; null while it is open.
    #[schema(format = DateTime)]
    closed_at: Option<String>,
}

impl From<&LedgerAccount> for LedgerAccountView {
    fn from(account: &LedgerAccount) -> Self {
        let item = account.id.account().map(i64::from).or_else(|| account.id.card().map(i64::from));
        Self {
            id: account.id.get(),
            kind: account.kind.as_str(),
            item_id: item,
            bank_id: account.bank_id.get(),
            client_id: account.client_id.map(i64::from),
            user_id: account.user_id.map(i64::from),
            currency: account.currency.code().to_owned(),
            balance: account.balance,
            held: account.held,
            seq: account.seq,
            opened_at: date(account.opened_at),
            closed_at: account.closed_at.map(date),
        }
    }
}

/// List ledger accounts, of what was closed too
#[utoipa::path(get, path = "/api/ledger/accounts", tag = "money",
    responses((status = 200, description = "A page", body = ListBody<LedgerAccountView>)))]
async fn list_ledger_accounts(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadLedger)?;
    lists::list(&state, &request, LEDGER_FILTERS, move |db, query| {
        let view = |account: LedgerAccount| Ok::<_, StoreError>(LedgerAccountView::from(&account));
        Ok(list_accounts(db, query)?.try_map(view)?)
    })
    .await
}

/// One line of a trial balance. Sums beyond 2^53 are texts.
#[derive(Serialize, ToSchema)]
#[schema(as = TrialBalanceLine)]
struct LineView {
    /// The bank.
    #[schema(minimum = 1, example = 1)]
    bank_id: i64,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// `account`, `card`, or which of the bank's own.
    #[schema(example = "account")]
    kind: String,
    /// How many ledger accounts there are.
    #[schema(minimum = 0, example = 2)]
    accounts: i64,
    /// The sum, if it is below zero, without its sign.
    debit: AmountSum,
    /// The sum, if it is above zero.
    credit: AmountSum,
    /// Money that open holds keep from being spent.
    held: AmountSum,
}

/// The debt between a bank and the other banks, in one currency.
#[derive(Serialize, ToSchema)]
#[schema(as = InterbankLine)]
struct InterbankView {
    /// The bank.
    #[schema(minimum = 1, example = 1)]
    bank_id: i64,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// Minus the sum of the bank's lines; all banks sum to zero.
    interbank: AmountSum,
}

/// The trial balance: for each currency debits and credits are equal.
#[derive(Serialize, ToSchema)]
#[schema(as = TrialBalance)]
pub(crate) struct TrialBalanceView {
    /// By currency, bank and kind.
    lines: Vec<LineView>,
    /// By currency and bank, where it is not zero.
    interbank: Vec<InterbankView>,
    /// Whether each currency sums to zero.
    balanced: bool,
}

/// Read the trial balance
#[utoipa::path(get, path = "/api/ledger/trial-balance", tag = "money",
    params(("currency" = Option<String>, Query, pattern = "^[A-Z]{3}$", description = "Only this currency")),
    responses((status = 200, description = "The trial balance", body = TrialBalanceView)))]
async fn read_trial_balance(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadLedger)?;
    refuse_unknown(request.query_string(), &["currency"])?;
    let currency = match parameters(request.query_string())?.pop() {
        Some((_, code)) => {
            Some(code.parse::<Currency>().map_err(|error| fault("currency", &error.to_string()))?.code().to_owned())
        }
        None => None,
    };
    Ok(HttpResponse::Ok().json(trial_balance(&state, currency.as_deref()).await?))
}

/// The trial balance, of all currencies or of one.
pub(crate) async fn trial_balance(state: &AppState, currency: Option<&str>) -> Result<TrialBalanceView, Problem> {
    let mut all = state.store.read(totals).await.map_err(|error: StoreError| error)?;
    all.retain(|total| currency.is_none_or(|code| total.currency == code));
    Ok(view(&all))
}

fn view(totals: &[Total]) -> TrialBalanceView {
    let mut banks: std::collections::BTreeMap<(&str, i64), i128> = std::collections::BTreeMap::new();
    let mut sums: std::collections::BTreeMap<&str, i128> = std::collections::BTreeMap::new();
    for total in totals {
        let bank = banks.entry((&total.currency, total.bank_id)).or_default();
        *bank = bank.saturating_add(total.balance);
        let sum = sums.entry(&total.currency).or_default();
        *sum = sum.saturating_add(total.balance);
    }
    let line = |total: &Total| LineView {
        bank_id: total.bank_id,
        currency: total.currency.clone(),
        kind: total.kind.clone(),
        accounts: total.accounts,
        debit: AmountSum::from(total.balance.min(0).saturating_neg()),
        credit: AmountSum::from(total.balance.max(0)),
        held: AmountSum::from(total.held),
    };
    let interbank = banks.into_iter().filter(|(_, sum)| *sum != 0).map(|((currency, bank_id), sum)| InterbankView {
        bank_id,
        currency: currency.to_owned(),
        interbank: AmountSum::from(sum.saturating_neg()),
    });
    TrialBalanceView {
        lines: totals.iter().map(line).collect(),
        interbank: interbank.collect(),
        balanced: sums.values().all(|sum| *sum == 0),
    }
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/ledger/accounts").route(web::get().to(list_ledger_accounts)))
        .service(web::resource("/api/ledger/trial-balance").route(web::get().to(read_trial_balance)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_ledger_accounts, read_trial_balance))]
pub(super) struct Document;
