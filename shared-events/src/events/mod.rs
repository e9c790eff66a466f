//! One type per event. A type holds the public facts of the event; its name on the wire is `Event::TYPE`. What the services
//! know of it besides is its [`EventSpec`].

mod account;
mod card;
mod directory;
#[cfg(feature = "schema")]
mod documented;
mod email;
mod notify;
mod security;
mod spec;
mod transfer;
mod user;

pub use account::*;
pub use card::*;
pub use directory::*;
pub use email::*;
pub use notify::*;
pub use security::*;
pub(crate) use spec::PUBLIC;
pub use spec::{Destination, EventSpec, Handling, Secrecy, Verb};
pub use transfer::*;
pub use user::*;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::routing::EventType;

/// Every event there is, in the order of the documents.
pub(crate) const ALL: &[&[EventSpec]] =
    &[ACCOUNT, BANK, BRANCH, CARD, CITY, CLIENT, EMAIL, ROLE, SECURITY, NOTIFY, SOCIAL_STATUS, TRANSFER, USER];

/// An event's facts.
pub trait Event: Serialize + DeserializeOwned {
    /// The routing key.
    const TYPE: &'static str;

    /// One line for people, such as `Account created with ID: 1`.
    fn message(&self) -> String;

    /// Facts for the golden file and the examples in the documents.
    fn example() -> Self;

    fn event_type() -> EventType {
        const { EventType::known(Self::TYPE) }
    }
}

/// The facts as JSON. Their bytes must not depend on whether some crate in the build makes `serde_json` keep insertion order.
pub(crate) fn facts_of<E: Event>(event: &E) -> Result<Value, serde_json::Error> {
    let mut facts = serde_json::to_value(event)?;
    facts.sort_all_objects();
    Ok(facts)
}

/// Declares events and the list of their specs: wrapper and facts, type, handling, what happened, the message, an example.
/// Without `(Facts)` the struct is declared elsewhere.
macro_rules! declare_events {
    ($list:ident: $($name:ident $(($facts:ty))? = $kind:literal, $handling:expr, $about:literal,
        |$f:ident| $message:expr, $example:expr;)+) => {
        $(crate::events::event!($name $(($facts))? = $kind, $about, |$f| $message, $example);)+

        pub(super) const $list: &[crate::events::EventSpec] = &[$(crate::events::EventSpec {
            event_type: $kind,
            about: $about,
            handling: $handling,
            #[cfg(feature = "schema")]
            documented: crate::events::documented::Documented::of::<$name>(),
        }),+];
    };
}
pub(crate) use declare_events;

/// One event: a transparent wrapper around the facts it publishes, or a struct that is declared elsewhere.
macro_rules! event {
    ($name:ident($facts:ty) = $kind:literal, $about:literal, |$f:ident| $message:expr, $example:expr) => {
        #[doc = concat!("`", $kind, "`: ", $about)]
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub $facts);

        impl crate::events::Event for $name {
            const TYPE: &'static str = $kind;

            fn message(&self) -> String {
                let $f = &self.0;
                $message
            }

            fn example() -> Self {
                Self($example)
            }
        }
    };
    ($name:ident = $kind:literal, $about:literal, |$f:ident| $message:expr, $example:expr) => {
        impl crate::events::Event for $name {
            const TYPE: &'static str = $kind;

            fn message(&self) -> String {
                let $f = self;
                $message
            }

            fn example() -> Self {
                $example
            }
        }
    };
}
pub(crate) use event;

/// The numeric id of an example.
pub(crate) fn example_id<T: TryFrom<i64>>(value: i64) -> T {
    T::try_from(value).unwrap_or_else(|_| unreachable!("example ids are positive"))
}
