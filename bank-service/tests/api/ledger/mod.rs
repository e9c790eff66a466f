//! The ledger as a whole, for operators: the commands, and the check over HTTP.

mod commands;
mod planted;
mod verification;
