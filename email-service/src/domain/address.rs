//! A recipient's address: `shared_events` has the rule; here it becomes the mail library's type.

pub use shared_events::{AddressError, EmailAddress};

pub(crate) fn to_lettre(address: &EmailAddress) -> Result<lettre::Address, lettre::address::AddressError> {
    lettre::Address::new(address.local(), address.domain())
}
