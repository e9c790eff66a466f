//! Money: transfers, holds, reversals, batches, history, statements, and what the routes of accounts and cards do to it.

mod batch;
mod history;
mod holds;
mod idempotency;
mod metrics;
mod older_routes;
mod overdraft;
mod owner_rules;
mod races;
mod refusals;
mod reversals;
mod statement_files;
mod statement_names;
mod statements;
mod support;
mod transfer;
mod transfers_list;
mod unknown_recipients;
mod visibility;
mod voided_holds;
mod writer;
