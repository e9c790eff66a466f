//! The rules of money, without a store.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use shared_events::{AccountId, BankId, CardId, ClientId, Currency, UserId};

use super::*;
use crate::domain::balance::Balance;
use crate::domain::scope::Scope;

fn user(id: i64) -> UserId {
    UserId::try_new(id).unwrap()
}

fn account_id(id: i64) -> LedgerId {
    LedgerId::of_account(AccountId::try_new(id).unwrap())
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

const OPENING: i64 = -1;
const CLOSED: i64 = -2;
const CASH: i64 = -3;

fn system(id: i64, system: System) -> LedgerAccount {
    let key = StripeKey { bank_id: BankId::try_new(1).unwrap(), currency: Currency::EUR, system, stripe: 0 };
    key.open(LedgerId::stored(id), at(0))
}

/// Account `n` of user `n`, with this balance in euros' cents.
fn account(n: i64, balance: i64) -> LedgerAccount {
    let owner = (ClientId::try_new(n).unwrap(), user(n));
    let id = AccountId::try_new(n).unwrap();
    let account = LedgerAccount::of_account(id, owner, BankId::try_new(1).unwrap(), Currency::EUR, at(0));
    LedgerAccount { balance, holder: format!("Client {n}"), ..account }
}

/// Accounts 1 to 3 with 100, 50 and 0, and what the bank has itself.
fn book() -> Book {
    let systems = [(OPENING, System::Opening), (CLOSED, System::Closed), (CASH, System::Cash)];
    let systems = systems.map(|(id, kind)| system(id, kind));
    let accounts = [account(1, 100), account(2, 50), account(3, 0)];
    Book::new(at(0), accounts.into_iter().chain(systems), [])
}

fn owner(n: i64) -> Caller {
    Caller { user_id: Some(user(n)), scope: Scope::Own(user(n)) }
}

fn staff() -> Caller {
    Caller { user_id: Some(user(99)), scope: Scope::All }
}

fn amount(minor: i64) -> Amount {
    Amount::try_new(minor).unwrap()
}

fn order(from: i64, to: i64, minor: i64) -> Order {
    Order {
        from: account_id(from),
        to: account_id(to),
        amount: amount(minor),
        currency: None,
        kind: TransferKind::Transfer,
        text: Text::default(),
        hold: None,
    }
}

fn hold(from: i64, to: i64, minor: i64) -> Order {
    Order { hold: Some(TimeDelta::seconds(60)), ..order(from, to, minor) }
}

fn figures(book: &Book, n: i64) -> (i64, i64, i64) {
    let account = book.find(account_id(n)).unwrap();
    (account.balance, account.held, account.available())
}

#[test]
fn a_transfer_debits_and_credits_and_leaves_an_entry_on_each_side() {
    let mut book = book();
    let done = transfer(&mut book, owner(1), &order(1, 2, 30)).unwrap();
    assert_eq!((figures(&book, 1), figures(&book, 2)), ((70, 0, 70), (80, 0, 80)));
    let entries: Vec<_> = done.entries.iter().map(|entry| (entry.amount, entry.balance_after, entry.seq)).collect();
    assert_eq!(entries, [(-30, 70, 1), (30, 80, 1)]);
    assert_eq!((done.transfer.status, done.transfer.posted_at), (TransferStatus::Posted, Some(at(0))));
    assert_eq!((done.transfer.from_name.as_str(), done.transfer.to_name.as_str()), ("Client 1", "Client 2"));
}

/// Each case is wrong in what it names and in all that comes after it in the order of the checks.
#[test]
fn what_is_wrong_with_ones_own_side_comes_before_what_is_wrong_with_the_other() {
    let mut book = book();
    let dollar: Currency = "USD".parse().unwrap();
    book.open(LedgerAccount { currency: dollar, ..account(4, 0) });
    book.open(LedgerAccount { closed_at: Some(at(0)), ..account(5, 0) });
    let outsider = transfer(&mut book, owner(1), &order(2, 2, 900));
    assert!(matches!(outsider, Err(Refusal::OutOfScope(_))), "{outsider:?}");
    for (case, refusal) in [
        (Order { currency: Some(dollar), ..order(1, 1, 900) }, Refusal::SameAccount),
        (Order { currency: Some(dollar), ..order(1, 9, 900) }, Refusal::CurrencyMismatch),
        (order(1, 9, 900), Refusal::InsufficientFunds { available: 100 }),
        (order(1, 9, 1), Refusal::UnknownRecipient),
        (order(1, 4, 1), Refusal::UnknownRecipient),
        (order(1, 5, 1), Refusal::UnknownRecipient),
    ] {
        assert_eq!(transfer(&mut book, owner(1), &case), Err(refusal));
    }
    book.open(LedgerAccount { user_id: Some(user(1)), closed_at: Some(at(0)), ..account(6, 0) });
    assert_eq!(transfer(&mut book, owner(1), &order(1, 6, 1)), Err(Refusal::AccountClosed), "its own");
    for (to, refusal) in [(9, Refusal::NoSuchRecipient), (4, Refusal::CurrencyMismatch), (5, Refusal::AccountClosed)] {
        assert_eq!(transfer(&mut book, staff(), &order(1, to, 1)), Err(refusal));
    }
    let closed = transfer(&mut book, owner(5), &order(5, 1, 1));
    assert!(matches!(closed, Err(Refusal::OutOfScope(_))), "history is for staff: {closed:?}");
    assert_eq!(transfer(&mut book, staff(), &order(5, 1, 1)), Err(Refusal::AccountClosed));
    assert_eq!(figures(&book, 1), (100, 0, 100));
}

#[test]
fn a_hold_keeps_money_from_being_spent_until_it_ends_once() {
    let mut book = book();
    let held = transfer(&mut book, owner(1), &hold(1, 2, 60)).unwrap().transfer;
    assert_eq!(figures(&book, 1), (100, 60, 40));
    let too_much = transfer(&mut book, owner(1), &order(1, 2, 41));
    assert_eq!(too_much, Err(Refusal::InsufficientFunds { available: 40 }));
    let by_sender = capture(&mut book, owner(1), held.id, None);
    assert!(matches!(by_sender, Err(Refusal::OutOfScope(_))), "{by_sender:?}");
    assert!(matches!(void(&mut book, owner(1), held.id), Err(Refusal::OutOfScope(_))));
    assert!(matches!(void(&mut book, owner(3), held.id), Err(Refusal::OutOfScope(_))));
    let more = capture(&mut book, owner(2), held.id, Some(amount(61)));
    assert_eq!(more, Err(Refusal::MoreThanHeld { held: amount(60) }));
    let done = capture(&mut book, owner(2), held.id, Some(amount(45))).unwrap();
    assert_eq!((figures(&book, 1), figures(&book, 2)), ((55, 0, 55), (95, 0, 95)));
    assert_eq!((done.transfer.hold_id, done.transfer.amount), (Some(held.id), amount(45)));
    let ended = done.changed.unwrap();
    assert_eq!((ended.status, ended.captured_amount), (TransferStatus::Captured, Some(amount(45))));
    assert_eq!(capture(&mut book, owner(2), held.id, None), Err(Refusal::HoldEnded));
    assert_eq!(void(&mut book, staff(), held.id), Err(Refusal::HoldEnded));
    assert_eq!(capture(&mut book, owner(2), done.transfer.id, None), Err(Refusal::NotHeld));
}

#[test]
fn a_hold_that_ran_out_is_not_captured_whether_or_not_it_was_ended() {
    let mut book = book();
    let held = transfer(&mut book, owner(1), &hold(1, 2, 60)).unwrap().transfer;
    assert_eq!(expire(&mut book, held.id), Err(Refusal::HoldEnded), "it runs still");
    let later = Book::new(at(60), [account(1, 100), account(2, 50)], [held.clone()]);
    let mut later = Book::new(
        at(60),
        later
            .find(account_id(1))
            .cloned()
            .map(|one| LedgerAccount { held: 60, ..one })
            .into_iter()
            .chain(later.find(account_id(2)).cloned()),
        [held.clone()],
    );
    assert_eq!(capture(&mut later, owner(2), held.id, None), Err(Refusal::HoldEnded));
    let done = expire(&mut later, held.id).unwrap();
    assert_eq!((done.transfer.status, figures(&later, 1)), (TransferStatus::Expired, (100, 0, 100)));
    assert_eq!(expire(&mut later, held.id), Err(Refusal::HoldEnded));
}

#[test]
fn a_transfer_is_given_back_at_most_once_in_all() {
    let mut book = book();
    let sent = transfer(&mut book, owner(1), &order(1, 2, 30)).unwrap().transfer;
    let text = Text { description: Some("a mistake".to_owned()), reference: None };
    let first = reverse(&mut book, staff(), sent.id, Some(amount(10)), &text, None).unwrap();
    assert_eq!((first.transfer.kind, first.transfer.reverses_id), (TransferKind::Reversal, Some(sent.id)));
    assert_eq!(
        reverse(&mut book, staff(), sent.id, Some(amount(21)), &text, None),
        Err(Refusal::MoreThanLeft { left: 20 })
    );
    reverse(&mut book, staff(), sent.id, None, &text, None).unwrap();
    assert_eq!((figures(&book, 1), figures(&book, 2)), ((100, 0, 100), (50, 0, 50)));
    assert_eq!(reverse(&mut book, staff(), sent.id, None, &text, None), Err(Refusal::MoreThanLeft { left: 0 }));
    assert_eq!(reverse(&mut book, staff(), first.transfer.id, None, &text, None), Err(Refusal::NotReversible));
    let held = transfer(&mut book, owner(1), &hold(1, 2, 5)).unwrap().transfer;
    assert_eq!(reverse(&mut book, staff(), held.id, None, &text, None), Err(Refusal::NotPosted));
}

#[test]
fn what_is_due_to_a_closed_account_goes_to_its_bank() {
    let mut book = book();
    let sent = transfer(&mut book, owner(1), &order(1, 2, 30)).unwrap().transfer;
    close(&mut book, owner(1), account_id(1), &[], LedgerId::stored(CLOSED)).unwrap();
    let closed = Some(LedgerId::stored(CLOSED));
    let back = reverse(&mut book, staff(), sent.id, None, &Text::default(), closed).unwrap();
    assert_eq!((back.transfer.to, back.to.balance), (LedgerId::stored(CLOSED), 100));
    let second = transfer(&mut book, owner(2), &order(2, 3, 20)).unwrap().transfer;
    close(&mut book, owner(3), account_id(3), &[], LedgerId::stored(CLOSED)).unwrap();
    assert_eq!(reverse(&mut book, staff(), second.id, None, &Text::default(), closed), Err(Refusal::AccountClosed));
}

#[test]
fn an_account_that_is_closed_gives_up_its_holds_and_what_is_left_of_it() {
    let mut book = book();
    let held = transfer(&mut book, owner(1), &hold(1, 2, 60)).unwrap().transfer;
    let done = close(&mut book, staff(), account_id(1), &[held.id], LedgerId::stored(CLOSED)).unwrap();
    let kinds: Vec<_> = done.iter().map(|done| (done.transfer.kind, done.transfer.status)).collect();
    let closing = (TransferKind::Closing, TransferStatus::Posted);
    assert_eq!(kinds, [(TransferKind::Transfer, TransferStatus::Voided), closing]);
    assert_eq!(figures(&book, 1), (0, 0, 0));
    assert!(book.find(account_id(1)).unwrap().is_closed());
    assert_eq!(book.find(LedgerId::stored(CLOSED)).unwrap().balance, 100);
    book.open(LedgerAccount { min_balance: -50, ..account(6, -20) });
    let done = close(&mut book, staff(), account_id(6), &[], LedgerId::stored(CLOSED)).unwrap();
    assert_eq!((done[0].transfer.from, done[0].transfer.amount), (LedgerId::stored(CLOSED), amount(20)));
}

#[test]
fn balances_and_limits_that_are_set_leave_entries() {
    let mut book = book();
    let opening = LedgerId::stored(OPENING);
    let set =
        |book: &mut Book, balance| adjust(book, owner(1), account_id(1), Balance::try_new(balance).unwrap(), opening);
    assert_eq!(set(&mut book, 100), Ok(None));
    assert_eq!(set(&mut book, 130).unwrap().unwrap().transfer.amount, amount(30));
    assert_eq!(set(&mut book, 10).unwrap().unwrap().transfer.to, opening);
    transfer(&mut book, owner(1), &hold(1, 2, 8)).unwrap();
    assert_eq!(set(&mut book, 7), Err(Refusal::BelowHeld { held: 8 }));
    let limit = |book: &mut Book, limit| set_overdraft_limit(book, account_id(1), Balance::try_new(limit).unwrap());
    assert_eq!(limit(&mut book, 0), Ok(None));
    let entry = limit(&mut book, 40).unwrap().unwrap();
    assert_eq!((entry.amount, entry.transfer_id, entry.min_balance_after), (0, None, -40));
    transfer(&mut book, owner(1), &order(1, 2, 42)).unwrap();
    assert_eq!(figures(&book, 1), (-32, 8, 0));
    assert_eq!(limit(&mut book, 39), Err(Refusal::OverdraftInUse));
}

#[test]
fn a_balance_stays_within_what_json_numbers_hold() {
    let mut book = book();
    let most = Balance::requested(Balance::MAX).unwrap();
    let opening = LedgerId::stored(OPENING);
    adjust(&mut book, owner(1), account_id(1), most, opening).unwrap();
    let over = transfer(&mut book, owner(2), &order(2, 1, 1));
    assert_eq!(over, Err(Refusal::BalanceOutOfRange));
    assert_eq!(figures(&book, 2), (50, 0, 50), "all or nothing");
}

#[test]
fn a_time_never_falls_with_a_rising_number() {
    let later = LedgerAccount { posted_at: Some(at(10)), ..account(1, 100) };
    let mut book = Book::new(at(0), [later, account(2, 0)], []);
    let done = transfer(&mut book, owner(1), &order(1, 2, 1)).unwrap();
    assert!(done.entries.iter().all(|entry| entry.posted_at == at(10)));
}

#[test]
fn the_ledger_account_of_an_item_is_known_by_its_id() {
    let (account, card) = (AccountId::try_new(7).unwrap(), CardId::try_new(7).unwrap());
    let (of_account, of_card) = (LedgerId::of_account(account), LedgerId::of_card(card));
    assert_eq!((of_account.account(), of_account.card()), (Some(account), None));
    assert_eq!((of_card.account(), of_card.card()), (None, Some(card)));
    let own = LedgerId::stored(-3);
    assert_eq!((own.account(), own.card()), (None, None));
}

/// A step of the model: who does what with which of three accounts, and for how much.
fn steps() -> impl Strategy<Value = Vec<(u8, i64, i64, i64)>> {
    prop::collection::vec((0..9_u8, 1..=3_i64, 1..=3_i64, 1..=80_i64), 1..60)
}

proptest! {
    /// Whatever comes in whatever order: money is neither made nor lost, nobody spends more than there is, entries add up and are
    /// numbered without gaps, and what is refused changes nothing.
    #[test]
    fn every_sequence_keeps_the_invariants(steps in steps()) {
        let mut book = book();
        let mut holds: Vec<TransferId> = Vec::new();
        let mut posted: Vec<TransferId> = Vec::new();
        let mut seen: std::collections::HashMap<LedgerId, (i64, i64, i64)> =
            [(account_id(1), (0, 100, 0)), (account_id(2), (0, 50, 0))].into();
        let sum = |book: &Book| -> i64 {
            [account_id(1), account_id(2), account_id(3), LedgerId::stored(OPENING), LedgerId::stored(CASH)]
                .iter().map(|id| book.find(*id).unwrap().balance).sum()
        };
        for (what, one, other, minor) in steps {
            let before: Vec<_> = (1..=3).map(|n| figures(&book, n)).collect();
            let pick = |all: &[TransferId]| all.get(usize::try_from(minor).unwrap() % all.len().max(1)).copied();
            let done = match what {
                0..=2 => transfer(&mut book, owner(one), &order(one, other, minor)).map(Some),
                3 => transfer(&mut book, owner(one), &hold(one, other, minor)).map(Some),
                4 => pick(&holds).map_or(Ok(None), |id| capture(&mut book, staff(), id, Amount::try_new(minor).ok()).map(Some)),
                5 => pick(&holds).map_or(Ok(None), |id| void(&mut book, staff(), id).map(Some)),
                6 => pick(&posted).map_or(Ok(None), |id| {
                    reverse(&mut book, staff(), id, Amount::try_new(minor).ok(), &Text::default(), None).map(Some)
                }),
                7 => adjust(&mut book, owner(one), account_id(one), Balance::try_new(minor).unwrap(), LedgerId::stored(OPENING)),
                _ => {
                    let order = Order { from: LedgerId::stored(CASH), kind: TransferKind::Deposit, ..order(1, one, minor) };
                    transfer(&mut book, staff(), &order).map(Some)
                }
            };
            match done {
                Err(_) => prop_assert_eq!(&before, &(1..=3).map(|n| figures(&book, n)).collect::<Vec<_>>()),
                Ok(done) => {
                    if let Some(done) = &done {
                        let list = if done.transfer.status == TransferStatus::Held { &mut holds } else { &mut posted };
                        list.push(done.transfer.id);
                        prop_assert_eq!(done.entries.iter().map(|entry| entry.amount).sum::<i64>(), 0);
                        for entry in &done.entries {
                            let (seq, balance, held) = seen.get(&entry.ledger_id).copied().unwrap_or_default();
                            let now = (seq + 1, balance + entry.amount, held + entry.held_change);
                            prop_assert_eq!((entry.seq, entry.balance_after, entry.held_after), now);
                            seen.insert(entry.ledger_id, now);
                        }
                    }
                }
            }
            prop_assert_eq!(sum(&book), 150);
            for n in 1..=3 {
                let (balance, held, available) = figures(&book, n);
                prop_assert!(available >= 0 && held >= 0 && balance >= held, "{balance} {held} {available}");
            }
        }
    }
}
