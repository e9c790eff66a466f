//! Banks, cities, social statuses, branches, clients, accounts, cards: access, changes, refusals.

mod bad_input;
mod callers;
mod cascade;
mod changes;
mod events;
pub(crate) mod fixture;
mod grouped_writes;
mod idempotency;
mod lists;
mod live;
mod live_limits;
mod live_transfers;
mod openapi;
mod ownership;
mod policy;
mod stream;
mod tickets;
