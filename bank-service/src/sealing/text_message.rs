//! A text message as its event carries it: sealed, for one user only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use shared_events::UserId;

use super::{Place, Vault};
use crate::domain::phone::PhoneNumber;
use crate::domain::text_message::TextMessage;

#[derive(Serialize, Deserialize)]
struct Plain {
    to: String,
    text: String,
}

/// None if it cannot be sealed.
pub fn seal(vault: &Vault, user: UserId, message: &TextMessage) -> Option<String> {
    let plain = Plain { to: message.to.as_str().to_owned(), text: message.text.clone() };
    let bytes = serde_json::to_vec(&plain).ok()?;
    vault.seal(place(&user.to_string()), &bytes).ok().map(|sealed| STANDARD.encode(sealed))
}

/// None if it was sealed for another user, or under another key.
pub fn open(vault: &Vault, user: UserId, sealed: &str) -> Option<TextMessage> {
    let bytes = vault.open(place(&user.to_string()), &STANDARD.decode(sealed).ok()?).ok()?;
    let plain: Plain = serde_json::from_slice(&bytes).ok()?;
    Some(TextMessage { to: PhoneNumber::parse(&plain.to).ok()?, text: plain.text })
}

fn place(user: &str) -> Place<'_> {
    Place { table: "sms.requested", column: "sealed", row: user }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_message_opens_for_its_user_only() {
        let (vault, user) = (Vault::try_new("one").unwrap(), UserId::try_new(2).unwrap());
        let message = TextMessage { to: PhoneNumber::parse("+4915112345678").unwrap(), text: "123456".to_owned() };
        let sealed = seal(&vault, user, &message).unwrap();
        assert!(!sealed.contains("123456"));
        let opened = open(&vault, user, &sealed).unwrap();
        assert_eq!((opened.to.as_str(), opened.text.as_str()), ("+4915112345678", "123456"));
        assert!(open(&vault, UserId::try_new(3).unwrap(), &sealed).is_none());
        assert!(open(&Vault::try_new("two").unwrap(), user, &sealed).is_none());
    }
}
