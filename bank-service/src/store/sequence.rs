//! The tables with their own id counters, and the id types that come from them.

use shared_events::ids::{
    AccountId, BankId, BranchId, CardId, CityId, ClientId, DeviceId, IdError, RoleId, SocialStatusId, UserId,
};

/// A table with its own id counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    Users,
    Roles,
    SocialStatuses,
    Cities,
    Banks,
    Branches,
    Clients,
    Accounts,
    Cards,
    Devices,
}

impl Sequence {
    pub const ALL: [Self; 10] = [
        Self::Users,
        Self::Roles,
        Self::SocialStatuses,
        Self::Cities,
        Self::Banks,
        Self::Branches,
        Self::Clients,
        Self::Accounts,
        Self::Cards,
        Self::Devices,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Roles => "roles",
            Self::SocialStatuses => "social_statuses",
            Self::Cities => "cities",
            Self::Banks => "banks",
            Self::Branches => "branches",
            Self::Clients => "clients",
            Self::Accounts => "accounts",
            Self::Cards => "cards",
            Self::Devices => "devices",
        }
    }
}

/// An id type whose values come from a sequence.
pub trait Sequenced: TryFrom<i64, Error = IdError> {
    const SEQUENCE: Sequence;
}

macro_rules! sequenced {
    ($($id:ty => $sequence:ident),+ $(,)?) => {$(
        impl Sequenced for $id {
            const SEQUENCE: Sequence = Sequence::$sequence;
        }
    )+};
}

sequenced! {
    UserId => Users,
    RoleId => Roles,
    SocialStatusId => SocialStatuses,
    CityId => Cities,
    BankId => Banks,
    BranchId => Branches,
    ClientId => Clients,
    AccountId => Accounts,
    CardId => Cards,
    DeviceId => Devices,
}
