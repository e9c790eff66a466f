//! `/api/banks`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use shared_events::BankId;

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::named::named_resource;
use super::request_bodies::{NameRequest, RenameRequest};
use super::responses::created;
use super::{AppState, lists, responses};
use crate::domain::bank::Bank;
use crate::domain::policy::Action;
use crate::operations::{banks, named};
use crate::store::named::FILTERS;
use crate::store::{Ctx, Db};

named_resource! {
    item: Bank, id: BankId, operations: banks, tag: "banks", list: "/api/banks", one: "/api/banks/{id}",
    list_banks: ListBanks, read_bank: ReadBank, create_bank: CreateBank, rename_bank: UpdateBank, close_bank: DeleteBank,
}
