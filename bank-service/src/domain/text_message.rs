//! A text message and its recipient's number.

use super::phone::PhoneNumber;

pub struct TextMessage {
    pub to: PhoneNumber,
    pub text: String,
}
