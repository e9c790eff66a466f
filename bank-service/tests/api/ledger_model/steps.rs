//! The steps of a sequence, and sequences by seed.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub(super) const ACCOUNTS: usize = 3;
/// How many of the latest holds, or transfers, a step picks from.
const LATEST: usize = 16;

/// From, to, amount.
pub(super) type Order = (usize, usize, i64);

/// One step. Holds and transfers are picked from the latest ones, 0 is the last.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Transfer(Order),
    /// The same request two times, under one key.
    Twice(Order),
    /// Both in one transaction, or none.
    Both(Order, Order),
    Hold(Order),
    /// No amount: all that is held.
    Capture {
        hold: usize,
        amount: Option<i64>,
    },
    Void {
        hold: usize,
    },
    Reverse {
        transfer: usize,
        amount: i64,
    },
    Deposit {
        to: usize,
        amount: i64,
    },
    Withdraw {
        from: usize,
        amount: i64,
    },
    Set {
        account: usize,
        balance: i64,
    },
    Limit {
        account: usize,
        limit: i64,
    },
    Wait,
}

/// The place of a picked one among so many; none if there are none.
pub(super) fn latest(pick: usize, many: usize) -> Option<usize> {
    let back = pick.checked_rem(many.min(LATEST))?;
    Some(many - 1 - back)
}

/// The sequence of a seed, always the same.
pub(super) fn sequence(seed: u64, many: usize) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    prop::collection::vec(step(), many).new_tree(&mut runner).unwrap().current()
}

fn step() -> impl Strategy<Value = Step> {
    let account = || 0..ACCOUNTS;
    let amount = || 1..=120_i64;
    let order = || (account(), account(), amount());
    let any = || 0..LATEST;
    prop_oneof![
        5 => order().prop_map(Step::Transfer),
        1 => order().prop_map(Step::Twice),
        2 => (order(), order()).prop_map(|(first, second)| Step::Both(first, second)),
        4 => order().prop_map(Step::Hold),
        3 => (any(), prop::option::of(1..=60_i64)).prop_map(|(hold, amount)| Step::Capture { hold, amount }),
        2 => any().prop_map(|hold| Step::Void { hold }),
        3 => (any(), amount()).prop_map(|(transfer, amount)| Step::Reverse { transfer, amount }),
        2 => (account(), amount()).prop_map(|(to, amount)| Step::Deposit { to, amount }),
        2 => (account(), amount()).prop_map(|(from, amount)| Step::Withdraw { from, amount }),
        1 => (account(), 0..=150_i64).prop_map(|(account, balance)| Step::Set { account, balance }),
        1 => (account(), 0..=80_i64).prop_map(|(account, limit)| Step::Limit { account, limit }),
        1 => Just(Step::Wait),
    ]
}

#[test]
fn a_seed_gives_the_same_sequence_and_another_seed_another_one() {
    let words = |seed| format!("{:?}", sequence(seed, 50));
    assert_eq!(words(1), words(1));
    assert_ne!(words(1), words(2));
    assert_eq!(sequence(3, 1_000).len(), 1_000);
}

#[test]
fn a_pick_is_one_of_the_latest() {
    assert_eq!(latest(0, 0), None);
    assert_eq!((latest(0, 40), latest(15, 40)), (Some(39), Some(24)));
    assert_eq!((latest(3, 3), latest(5, 3)), (Some(2), Some(0)));
}
