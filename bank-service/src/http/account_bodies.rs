//! The request to open an account, on the three routes that accept it: a parent in the path may be omitted in the body; if
//! present, it has to be the same.

use std::marker::PhantomData;

use service_kit::http::fields::{Fields, FromFields, parse};
use service_kit::http::problem::Problem;
use service_kit::request_schema;
use shared_events::{BankId, ClientId, Currency};

use super::problem_map::fault;
use super::request_bodies::balance;
use crate::domain::balance::Balance;
use crate::domain::currency;
use crate::operations::accounts::{OpenAccount, OpenAccountError, Unknown};
use crate::operations::ledger::SetMoney;

/// The parent that the path of a new account names.
pub(super) trait OpenedBy {
    const BANK_IN_PATH: bool = false;
    /// The name of the request's schema, its description, and that of `client_id`.
    const SCHEMA: &'static str = "OpenAccountBody";
    const ABOUT: &'static str = "An account to be opened.";
    const ABOUT_CLIENT: &'static str = "The caller's own client, if neither this nor the path names one.";

    fn bank(&self) -> Option<BankId> {
        None
    }

    fn client(&self) -> Option<ClientId> {
        None
    }

    /// A missing item is 404 if the path names it, and a fault of its field if the body does.
    fn problem(&self, error: OpenAccountError) -> Problem {
        match error {
            OpenAccountError::Unknown(all) if self.bank().is_some() && all.contains(&Unknown::Bank) => {
                Problem::not_found("bank")
            }
            OpenAccountError::Unknown(all) if self.client().is_some() && all.contains(&Unknown::Client) => {
                Problem::not_found("client")
            }
            error => error.into(),
        }
    }
}

/// `POST /api/accounts`
#[derive(Debug)]
pub(super) struct Free;
impl OpenedBy for Free {}

/// `POST /api/banks/{bank_id}/accounts`
#[derive(Debug)]
pub(super) struct ForBank(pub(super) BankId);
impl OpenedBy for ForBank {
    const BANK_IN_PATH: bool = true;
    const SCHEMA: &'static str = "OpenAccountAtBankBody";
    const ABOUT: &'static str = "An account to be opened at the bank that the path names.";
    const ABOUT_CLIENT: &'static str = "The caller's own client, if it is not given.";

    fn bank(&self) -> Option<BankId> {
        Some(self.0)
    }
}

/// `POST /api/clients/{client_id}/accounts`
#[derive(Debug)]
pub(super) struct ForClient(pub(super) ClientId);
impl OpenedBy for ForClient {
    fn client(&self) -> Option<ClientId> {
        Some(self.0)
    }
}

#[derive(Debug)]
pub(super) struct OpenAccountRequest<P> {
    client_id: Option<ClientId>,
    /// Given, unless it is in the path.
    bank_id: Option<BankId>,
    balance: Balance,
    currency: Currency,
    place: PhantomData<P>,
}

pub(super) type OpenAccountAnywhere = OpenAccountRequest<Free>;
pub(super) type OpenAccountAtBank = OpenAccountRequest<ForBank>;
pub(super) type OpenAccountOfClient = OpenAccountRequest<ForClient>;

impl<P: OpenedBy> FromFields for OpenAccountRequest<P> {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        let client_id = parse::id::<ClientId>().described(P::ABOUT_CLIENT).example(1);
        let client_id = fields.optional_as_in_path("client_id", client_id);
        let bank_id = if P::BANK_IN_PATH {
            let bank_id = parse::id::<BankId>().described("The one in the path, if it is given.").example(1);
            fields.optional_as_in_path("bank_id", bank_id)
        } else {
            fields.required("bank_id", parse::id().described("The bank of the account.").example(1)).map(Some)
        };
        let about = "In the minor unit of the currency; 0 if it is not given.";
        let balance = fields.optional("balance", balance().described(about));
        let about = "ISO 4217, not withdrawn; EUR if it is not given.";
        let currency = parse::via(currency::in_use).pattern("^[A-Z]{3}$").described(about).example("EUR");
        let currency = fields.optional("currency", currency);
        Some(Self {
            client_id: client_id?,
            bank_id: bank_id?,
            balance: balance?.unwrap_or_default(),
            currency: currency?.unwrap_or(Currency::EUR),
            place: PhantomData,
        })
    }
}

request_schema!(OpenAccountRequest<P: OpenedBy> as P::SCHEMA, P::ABOUT);

impl<P: OpenedBy> OpenAccountRequest<P> {
    /// Puts path and body together.
    pub(super) fn into_command(self, place: &P) -> Result<OpenAccount, Problem> {
        let bank_id = place.bank().or(self.bank_id).ok_or_else(|| fault("bank_id", "is required"))?;
        let client_id = place.client().or(self.client_id);
        Ok(OpenAccount { client_id, bank_id, balance: self.balance, currency: self.currency })
    }
}

/// The settings of an account that a request changes.
#[derive(Debug)]
pub(super) struct UpdateAccountRequest(pub(super) SetMoney);

impl FromFields for UpdateAccountRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id", "currency", "client_id", "bank_id", "held", "available"]);
        let about =
            "In the minor unit of the account's currency; the difference is posted against the bank's adjustments.";
        let wanted = fields.optional("balance", balance().described(about));
        let about = "How far the account may be overdrawn, in the same unit; for staff.";
        let overdraft_limit = fields.optional("overdraft_limit", balance().described(about).example(0));
        Some(Self(SetMoney { balance: wanted?, overdraft_limit: overdraft_limit? }))
    }
}

request_schema!(UpdateAccountRequest as "UpdateAccountBody", "`{\"balance\": 520}`, or the limit of the overdraft.");
