//! The bank's model: pure types and decisions, without a clock, a network or a database.
//!
//! A value of one of these types is valid: only `parse` and `try_new` create one. Entities serialise in the exact shapes of the
//! API; `From<&Entity>` turns them into events with the public facts of `shared-events`.

pub mod account;
pub mod balance;
pub mod bank;
pub mod bic;
pub mod branch;
pub mod card;
pub mod change;
pub mod city;
pub mod client;
pub mod client_version;
pub mod csv_cell;
pub mod currency;
pub mod device;
pub mod email;
pub mod event_status;
pub mod iban;
pub mod imported_user;
pub mod ledger;
pub mod locale;
pub mod mfa;
pub mod name;
pub(crate) mod named_states;
pub mod network;
pub mod one_time;
pub mod password;
pub mod phone;
pub mod policy;
mod policy_rules;
pub mod qr_code;
pub mod redaction;
pub mod role;
pub mod scope;
pub mod session;
pub mod social;
pub mod social_state;
pub mod social_status;
pub mod statement;
pub mod text_message;
pub mod throttle;
pub mod typed;
pub mod unwritable;
pub mod user;
pub mod version;
