//! The rules of mail, without any input or output.

mod address;
mod amount;
mod delivery;
mod link_base;
mod mail;
mod text;

pub use address::{AddressError, EmailAddress};
pub use amount::display_amount;
pub use delivery::{Delivery, DeliveryId, DeliveryIdError, State};
pub use link_base::{LinkBase, LinkBaseError};
pub use mail::{Content, Mail, MailError, MessageId, MessageIdError, Sender, assign_message_ids};
pub use text::{clip, single_line};
