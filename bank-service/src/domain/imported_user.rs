//! A user as exported by another system.

use super::email::Email;

const MAX_CUSTOMER_ID: usize = 64;

/// A row of an import. It has no `Debug`: it may contain a password hash.
pub struct ImportedUser {
    /// The id that the user had in the other system.
    pub customer_id: String,
    pub email: Email,
    /// None: the user is invited to choose a password.
    pub password_hash: Option<String>,
    pub country: Option<String>,
    pub language: Option<String>,
    pub is_active: bool,
    /// None: the default role.
    pub roles: Option<Vec<String>>,
}

/// An id of another system: 1–64 letters, digits, `-`, `_`, `.`, `:` or `/`, beginning with a letter or digit.
pub fn customer_id(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let valid = (1..=MAX_CUSTOMER_ID).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b));
    if valid {
        Ok(text.to_owned())
    } else {
        Err("must be 1–64 letters, digits, -, _, ., : or /, beginning with a letter or digit")
    }
}
