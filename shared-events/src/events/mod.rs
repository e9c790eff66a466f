//! One type per event. A type holds the public facts of the event; its name on the wire is `Event::TYPE`.

mod account;
mod card;
mod directory;
mod email;
mod notify;
mod security;
mod user;

pub use account::{Account, AccountCreated, AccountDeleted, AccountUpdated};
pub use card::{Card, CardCreated, CardDeleted, CardUpdated};
pub use directory::{
    Bank, BankCreated, BankDeleted, BankUpdated, Branch, BranchCreated, BranchDeleted, BranchUpdated, City,
    CityCreated, CityDeleted, CityUpdated, SocialStatus, SocialStatusCreated, SocialStatusDeleted, SocialStatusUpdated,
};
pub use email::{EmailRejected, EmailReport, EmailRequest, EmailRequested, EmailSent};
pub use notify::{PushRequest, PushRequested, SmsRequest, SmsRequested};
pub use security::{
    AccountLocked, DeviceRegistered, DeviceRemoved, EmailChangeRequested, EmailChanged, EmailVerified, KeysRotated,
    LoggedOut, LoginFailed, LoginSucceeded, MfaDisabled, MfaEnabled, MfaFailed, PasswordChanged, PasswordRehashed,
    PasswordReset, PasswordResetRequested, PhoneVerified, RecoveryCodeUsed, RecoveryCodesMade, RefreshTokenReused,
    RefreshTokenSpent, RolesChanged, SecurityFacts, SessionsEnded, SocialLinked, SocialUnlinked, UserBlocked,
    UserUnblocked,
};
pub use user::{
    Client, ClientCreated, ClientDeleted, ClientUpdated, Role, RoleCreated, RoleDeleted, RoleUpdated, User,
    UserCreated, UserDeleted, UserImported, UserRegistered, UserUpdated,
};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::routing::EventType;

/// An event's facts.
pub trait Event: Serialize + DeserializeOwned {
    /// The routing key.
    const TYPE: &'static str;
    /// What happened, in one sentence for the AsyncAPI document.
    const ABOUT: &'static str;

    /// One line for people, such as `Account created with ID: 1`.
    fn message(&self) -> String;

    /// Facts for the golden file and the examples in the documents.
    fn example() -> Self;

    fn event_type() -> EventType {
        const { EventType::known(Self::TYPE) }
    }
}

/// Declares an event as a transparent wrapper around the facts it publishes.
macro_rules! event {
    ($name:ident($facts:ty) = $kind:literal, $about:literal, |$f:ident| $message:expr, $example:expr) => {
        #[doc = concat!("`", $kind, "`: ", $about)]
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub $facts);

        impl crate::events::Event for $name {
            const TYPE: &'static str = $kind;
            const ABOUT: &'static str = $about;

            fn message(&self) -> String {
                let $f = &self.0;
                $message
            }

            fn example() -> Self {
                Self($example)
            }
        }
    };
}
pub(crate) use event;

/// The numeric id of an example.
pub(crate) fn example_id<T: TryFrom<i64>>(value: i64) -> T {
    T::try_from(value).unwrap_or_else(|_| unreachable!("example ids are positive"))
}
