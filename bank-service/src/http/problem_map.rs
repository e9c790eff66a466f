//! The HTTP problems of the errors of the store and of the resources' operations. There is no catch-all arm: a new error needs its
//! own.

use std::time::Duration;

use service_kit::http::problem::{ErrorCode, FieldErrors, Problem};

use crate::domain::ledger::Refusal;
use crate::domain::policy::{OutOfScope, Scope};
use crate::domain::statement::StatementFormat;
use crate::operations::accounts::{self, OpenAccountError};
use crate::operations::branches::PlaceBranchError;
use crate::operations::clients::{self, ClientError};
use crate::operations::errors::{AccountInUse, ChangeError, CloseError, FindError, Stale, TooMany};
use crate::operations::ledger::{IssueCardError, SetMoneyError, StatementError};
use crate::operations::named::{NamingError, RemoveError};
use crate::store::{IdempotencyError, StoreError};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A fault of one field.
pub(super) fn fault(field: &str, message: &str) -> Problem {
    faults([(field, message)])
}

/// Faults of several fields.
fn faults<'a>(faults: impl IntoIterator<Item = (&'a str, &'a str)>) -> Problem {
    let faults = faults.into_iter().map(|(field, message)| (field.to_owned(), vec![message.to_owned()]));
    Problem::validation(faults.collect::<FieldErrors>())
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => {
                tracing::error!(%error, "the database is unavailable");
                Self::new(ErrorCode::Unavailable, "The database cannot be reached at the moment.")
                    .with_retry_after(RETRY_AFTER)
            }
            StoreError::DiskFull => {
                tracing::error!(%error, "the database cannot be written");
                Self::new(ErrorCode::Unavailable, "The database's disk is full.").with_retry_after(RETRY_AFTER)
            }
            StoreError::Busy | StoreError::Serialization | StoreError::IdsExhausted(_) => Self::overloaded(RETRY_AFTER),
            StoreError::UniqueViolation => Self::conflict("A value that must be unique is taken."),
            StoreError::ForeignKeyViolation => Self::conflict("Other items refer to this one, or it refers to none."),
            StoreError::CheckViolation
            | StoreError::Migration { .. }
            | StoreError::Missing
            | StoreError::Outdated { .. }
            | StoreError::UnknownFilter(_)
            | StoreError::Corrupt { .. }
            | StoreError::Database(_) => Self::internal(&error),
        }
    }
}

impl From<IdempotencyError> for Problem {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::KeyReused => Self::key_reused(),
        }
    }
}

/// Callers without scope over all items get the same answer for a foreign item and a missing one.
impl From<OutOfScope> for Problem {
    fn from(error: OutOfScope) -> Self {
        match error.scope {
            Scope::All => Self::not_found(error.what),
            Scope::Own(_) => Self::access_denied(),
        }
    }
}

impl From<Stale> for Problem {
    fn from(Stale: Stale) -> Self {
        Self::stale()
    }
}

impl From<TooMany> for Problem {
    fn from(TooMany { limit }: TooMany) -> Self {
        Self::conflict(format!("More than {limit} items would be deleted with this one; delete some of them first."))
    }
}

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        match error {
            FindError::OutOfScope(error) => error.into(),
            FindError::Store(error) => error.into(),
        }
    }
}

impl From<StatementError> for Problem {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Find(error) => error.into(),
            StatementError::NoRoom(format) => {
                let has_room = |format: &StatementFormat| format.largest_amount().is_none();
                let others = StatementFormat::ALL.into_iter().filter(has_room).map(StatementFormat::as_str);
                let others = others.collect::<Vec<_>>().join(", ");
                let missing = format!("{} has no room for an amount or balance of this period", format.as_str());
                fault("format", &format!("{missing}; use one of {others}"))
            }
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::OutOfScope(error) => error.into(),
            ChangeError::Stale(error) => error.into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<CloseError> for Problem {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::OutOfScope(error) => error.into(),
            CloseError::Stale(error) => error.into(),
            CloseError::TooMany(error) => error.into(),
            CloseError::InUse(error) => error.into(),
            CloseError::Refused(error) => error.into(),
            CloseError::Store(error) => error.into(),
        }
    }
}

impl From<AccountInUse> for Problem {
    fn from(error: AccountInUse) -> Self {
        match error {
            AccountInUse::Held => {
                Self::new(ErrorCode::AccountInUse, "Money is held for somebody else; wait until the hold ends.")
            }
            AccountInUse::Overdrawn => {
                Self::new(ErrorCode::AccountInUse, "It is overdrawn; pay in what is missing first.")
            }
            AccountInUse::NotEmpty => {
                Self::new(ErrorCode::AccountNotEmpty, "There is money in it; transfer it first, its cards' too.")
            }
        }
    }
}

impl From<SetMoneyError> for Problem {
    fn from(error: SetMoneyError) -> Self {
        match error {
            SetMoneyError::OutOfScope(error) => error.into(),
            SetMoneyError::Stale(error) => error.into(),
            SetMoneyError::Refused(Refusal::BelowHeld { held }) => {
                fault("balance", &format!("must be at least {held}, which is held"))
            }
            SetMoneyError::Refused(error) => error.into(),
            SetMoneyError::Store(error) => error.into(),
        }
    }
}

/// The words say no more than the caller may know: see `domain::ledger`.
impl From<Refusal> for Problem {
    fn from(error: Refusal) -> Self {
        match error {
            Refusal::OutOfScope(error) => error.into(),
            Refusal::SameAccount => Self::new(ErrorCode::SameAccount, "`from` and `to` are the same."),
            Refusal::CurrencyMismatch => Self::new(ErrorCode::CurrencyMismatch, "The currencies differ."),
            Refusal::InsufficientFunds { available } => {
                Self::new(ErrorCode::InsufficientFunds, format!("Only {available} can be spent."))
                    .with_extension("available", available.into())
            }
            Refusal::SpentByReceiver => Self::new(ErrorCode::InsufficientFunds, "The receiver has spent the money."),
            Refusal::UnknownRecipient => {
                Self::new(ErrorCode::UnknownRecipient, "There is no such recipient in this currency.")
            }
            Refusal::NoSuchRecipient => Self::new(ErrorCode::UnknownRecipient, "There is no such account or card."),
            Refusal::AccountClosed => Self::new(ErrorCode::AccountClosed, "A side of the transfer is closed."),
            Refusal::BalanceOutOfRange => {
                Self::new(ErrorCode::BalanceOutOfRange, "A balance would pass 9007199254740991 in the minor unit.")
            }
            Refusal::HoldEnded => Self::new(ErrorCode::HoldEnded, "The hold has ended."),
            Refusal::NotHeld => Self::new(ErrorCode::HoldEnded, "The transfer is no hold: its money has moved."),
            Refusal::MoreThanHeld { held } => {
                fault("amount", &format!("must be at most {}, which is held", held.minor()))
            }
            Refusal::NotPosted => {
                Self::new(ErrorCode::NotPosted, "Only what is posted can be reversed; void the hold.")
            }
            Refusal::NotReversible => {
                Self::new(ErrorCode::NotReversible, "Only transfers, deposits and withdrawals can be reversed.")
            }
            Refusal::MoreThanLeft { left } => {
                fault("amount", &format!("must be at most {left}, which is not reversed yet"))
            }
            Refusal::OverdraftInUse => {
                Self::new(ErrorCode::OverdraftInUse, "More than this limit is used or held already.")
            }
            Refusal::StripeFull(_) => {
                let detail = "The bank cannot take so much money at once; delete some of the accounts first.";
                Self::new(ErrorCode::BalanceOutOfRange, detail)
            }
            Refusal::BelowHeld { .. } | Refusal::Missing(_) => Self::internal(&error),
        }
    }
}

impl From<NamingError> for Problem {
    fn from(error: NamingError) -> Self {
        match error {
            NamingError::NameTaken => Self::conflict("The name is taken."),
            NamingError::OutOfScope(error) => error.into(),
            NamingError::Stale(error) => error.into(),
            NamingError::Idempotency(error) => error.into(),
            NamingError::Store(error) => error.into(),
        }
    }
}

impl From<RemoveError> for Problem {
    fn from(error: RemoveError) -> Self {
        match error {
            RemoveError::InUse { by } => Self::conflict(format!("There are {by} that refer to it; change them first.")),
            RemoveError::OutOfScope(error) => error.into(),
            RemoveError::Stale(error) => error.into(),
            RemoveError::Store(error) => error.into(),
        }
    }
}

impl From<PlaceBranchError> for Problem {
    fn from(error: PlaceBranchError) -> Self {
        match error {
            PlaceBranchError::UnknownCity => fault("city_id", "there is no such city"),
            PlaceBranchError::OutOfScope(error) => error.into(),
            PlaceBranchError::Stale(error) => error.into(),
            PlaceBranchError::Idempotency(error) => error.into(),
            PlaceBranchError::Store(error) => error.into(),
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::ClientExists => Self::conflict("The user is a client already."),
            ClientError::Unknown(unknown) => faults(unknown.into_iter().map(|unknown| match unknown {
                clients::Unknown::User => ("user_id", "there is no such user"),
                clients::Unknown::SocialStatus => ("social_status_id", "there is no such social status"),
            })),
            ClientError::OutOfScope(error) => error.into(),
            ClientError::Stale(error) => error.into(),
            ClientError::Idempotency(error) => error.into(),
            ClientError::Store(error) => error.into(),
        }
    }
}

impl From<OpenAccountError> for Problem {
    fn from(error: OpenAccountError) -> Self {
        match error {
            OpenAccountError::Unknown(unknown) => faults(unknown.into_iter().map(|unknown| match unknown {
                accounts::Unknown::Client => ("client_id", "there is no such client"),
                accounts::Unknown::OwnClient => ("client_id", "is required: you are not a client yourself"),
                accounts::Unknown::Bank => ("bank_id", "there is no such bank"),
            })),
            OpenAccountError::OutOfScope(error) => error.into(),
            OpenAccountError::Idempotency(error) => error.into(),
            OpenAccountError::Store(error) => error.into(),
        }
    }
}

impl From<IssueCardError> for Problem {
    fn from(error: IssueCardError) -> Self {
        match error {
            IssueCardError::OutOfScope(error) => error.into(),
            IssueCardError::Idempotency(error) => error.into(),
            IssueCardError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared_events::UserId;

    use super::*;
    use crate::domain::ledger::{Amount, LedgerId};
    use crate::operations::ledger::code_of;

    /// Each refusal there is; a new one does not compile without a place here.
    fn next(refusal: Option<&Refusal>) -> Option<Refusal> {
        let held = Amount::try_new(1).unwrap();
        let owner = Scope::Own(UserId::try_new(1).unwrap());
        Some(match refusal {
            None => Scope::All.missing("account").into(),
            Some(Refusal::OutOfScope(OutOfScope { scope: Scope::All, .. })) => owner.missing("account").into(),
            Some(Refusal::OutOfScope(_)) => Refusal::SameAccount,
            Some(Refusal::SameAccount) => Refusal::CurrencyMismatch,
            Some(Refusal::CurrencyMismatch) => Refusal::InsufficientFunds { available: 1 },
            Some(Refusal::InsufficientFunds { .. }) => Refusal::SpentByReceiver,
            Some(Refusal::SpentByReceiver) => Refusal::UnknownRecipient,
            Some(Refusal::UnknownRecipient) => Refusal::NoSuchRecipient,
            Some(Refusal::NoSuchRecipient) => Refusal::AccountClosed,
            Some(Refusal::AccountClosed) => Refusal::BalanceOutOfRange,
            Some(Refusal::BalanceOutOfRange) => Refusal::StripeFull(LedgerId::stored(-1)),
            Some(Refusal::StripeFull(_)) => Refusal::HoldEnded,
            Some(Refusal::HoldEnded) => Refusal::NotHeld,
            Some(Refusal::NotHeld) => Refusal::MoreThanHeld { held },
            Some(Refusal::MoreThanHeld { .. }) => Refusal::NotPosted,
            Some(Refusal::NotPosted) => Refusal::NotReversible,
            Some(Refusal::NotReversible) => Refusal::MoreThanLeft { left: 1 },
            Some(Refusal::MoreThanLeft { .. }) => Refusal::OverdraftInUse,
            Some(Refusal::OverdraftInUse) => Refusal::BelowHeld { held: 1 },
            Some(Refusal::BelowHeld { .. }) => Refusal::Missing(LedgerId::stored(-1)),
            Some(Refusal::Missing(_)) => return None,
        })
    }

    #[test]
    fn a_refusal_is_counted_under_the_code_that_the_client_gets() {
        let (mut refusal, mut count) = (next(None), 0);
        while let Some(one) = refusal {
            let code = code_of(&one);
            refusal = next(Some(&one));
            assert_eq!(Problem::from(one).code().as_str(), code);
            count += 1;
        }
        assert_eq!(count, 20);
    }
}
