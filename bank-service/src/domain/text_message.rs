//! A text message, and the number that it goes to.

use super::phone::PhoneNumber;

/// A text for one number.
pub struct TextMessage {
    pub to: PhoneNumber,
    pub text: String,
}
