//! The bank: its lists, accounts and cards with their entries, transfers and the ledger as a whole.

mod account;
mod amount;
mod card;
mod ledger;
mod lists;
mod new_transfer;
mod transfers;

use actix_web::web;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.configure(lists::configure)
        .configure(account::configure)
        .configure(card::configure)
        // Must precede the routes below `/bank/transfers/{id}`.
        .configure(new_transfer::configure)
        .configure(transfers::configure)
        .configure(ledger::configure);
}
