//! The binary, in a folder where it starts.

use stand_ins::place::Place;

pub(crate) fn place() -> Place {
    let variables =
        [("EMAIL_BIND", "127.0.0.1:0"), ("MAIL_URL", "mailbox:mailbox"), ("EMAIL_DATABASE_URL", "sqlite:email.sqlite")];
    Place::new(env!("CARGO_BIN_EXE_email-service"), &variables)
}
