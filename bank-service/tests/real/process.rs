//! The binary, in a folder where it starts.

use stand_ins::place::Place;

pub(crate) fn place() -> Place {
    let variables = [
        ("DATABASE_URL", "sqlite:bank.sqlite"),
        ("SECRET_KEY", "a key of the test suite, long enough to be taken"),
        ("BANK_BIND", "127.0.0.1:0"),
    ];
    Place::new(env!("CARGO_BIN_EXE_bank-service"), &variables)
}
