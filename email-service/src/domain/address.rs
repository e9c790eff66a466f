//! A recipient's address: the rule is `shared_events`'; here it becomes what the mail library wants.

pub use shared_events::{AddressError, EmailAddress};

/// As lettre wants it.
pub(crate) fn to_lettre(address: &EmailAddress) -> Result<lettre::Address, lettre::address::AddressError> {
    lettre::Address::new(address.local(), address.domain())
}
