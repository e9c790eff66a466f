//! The message schema between the services, and nothing else.
//!
//! Every event has one Rust type here ([`events`]), one golden file (`golden/`), one JSON Schema (`schemas/`) and an entry in
//! the AsyncAPI document (`asyncapi.json`). The wire form is [`wire::WireMessage`]: a body of exactly four keys, with
//! everything else in message properties and CloudEvents 1.0 attributes in headers (binary content mode).
//!
//! Rules: an additive change keeps an event's name; any other change is a new event, both published for one release. Types
//! hold public facts only, so private state cannot leak. This crate knows no broker, no database and no runtime. The feature
//! `schema` adds the code that writes and checks the generated files.

pub mod catalog;
pub mod date;
pub mod email_address;
pub mod envelope;
pub mod events;
pub mod ids;
pub mod money;
pub mod names;
pub mod routing;
#[cfg(feature = "schema")]
pub mod schema;
pub mod sides;
pub mod wire;

pub use email_address::{AddressError, EmailAddress};
pub use envelope::{Body, Envelope};
pub use events::Event;
pub use ids::{
    AccountId, BankId, BranchId, CardId, CityId, ClientId, DeviceId, EventId, RoleId, SocialStatusId, UserId,
};
pub use money::{Currency, Money, MoneyError};
pub use names::NAME_MARKS;
pub use routing::{EventType, Pattern};
pub use wire::{DecodeError, WireMessage};
