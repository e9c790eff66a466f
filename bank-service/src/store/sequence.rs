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
    LedgerAccounts,
}

impl Sequence {
    pub const ALL: [Self; 11] = [
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
        Self::LedgerAccounts,
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
            Self::LedgerAccounts => "ledger_accounts",
        }
    }
}

/// Counts the ledger accounts of banks themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerNumber(i64);

impl LedgerNumber {
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for LedgerNumber {
    type Error = IdError;
    fn try_from(value: i64) -> Result<Self, IdError> {
        if value >= 1 { Ok(Self(value)) } else { Err(IdError) }
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
    LedgerNumber => LedgerAccounts,
}
