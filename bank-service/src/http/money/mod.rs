//! Money: transfers and holds, deposits and withdrawals, entries and balances, statements, and the ledger as a whole.

mod answers;
mod batch;
mod bodies;
mod entries;
mod keys;
mod ledger;
mod moving;
mod statements;
mod sums;
mod transfers;
mod verify;

use actix_web::web;

pub(crate) use entries::page_of_entries;
pub(super) use entries::{FILTERS as ENTRY_FILTERS, KINDS as ENTRY_KINDS};
pub(crate) use keys::key_of_form;
pub(crate) use ledger::trial_balance;
pub(crate) use moving::{Mover, post, read_capture, read_order, read_reversal, reverse, transfer, void};
pub(crate) use statements::{Reader, send_statement};
pub(crate) use transfers::{find_transfer, page_of_transfers};
pub(crate) use verify::{begin_verification, last_verification};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.configure(batch::configure)
        .configure(transfers::configure)
        .configure(entries::configure)
        .configure(statements::configure)
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
        statements::Document::openapi(),
        ledger::Document::openapi(),
        verify::Document::openapi(),
    ]
}
