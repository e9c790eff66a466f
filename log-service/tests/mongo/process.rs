//! The binary, in a folder where it starts.

use stand_ins::place::Place;

pub(crate) fn place() -> Place {
    let variables = [("LOG_BIND", "127.0.0.1:0"), ("LOG_DATABASE_URL", "sqlite:log.sqlite")];
    Place::new(env!("CARGO_BIN_EXE_log-service"), &variables)
}
