//! Money: transfers and holds, deposits and withdrawals, entries and balances, and the ledger as a whole.

mod answers;
mod batch;
mod bodies;
mod entries;
mod keys;
mod ledger;
mod transfers;
mod verify;

use actix_web::web;

pub(super) use entries::FILTERS as ENTRY_FILTERS;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.configure(batch::configure)
        .configure(transfers::configure)
        .configure(entries::configure)
        .configure(ledger::configure)
        .configure(verify::configure);
}

/// The routes' parts of the OpenAPI document.
pub(super) fn documents() -> Vec<utoipa::openapi::OpenApi> {
    use utoipa::OpenApi as _;
    vec![
        transfers::Document::openapi(),
        batch::Document::openapi(),
        entries::Document::openapi(),
        ledger::Document::openapi(),
        verify::Document::openapi(),
    ]
}
