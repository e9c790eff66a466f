//! Random sequences of what moves money, on the real store, beside a model of a few lines: both must say the same after each step,
//! and in the end the ledger must be what its entries say. A sequence that fails is shortened to the steps that it fails for.
//!
//! `LEDGER_SEEDS` sets how many sequences there are, `LEDGER_STEPS` how long each is, and `LEDGER_FIRST_SEED` repeats one of them.
//! The long form: `LEDGER_STEPS=10000 cargo test --release --workspace --test api ledger_model`.

mod bank;
mod model;
mod shrink;
mod steps;

use actix_web::rt::{System, SystemRunner};

use crate::database;
use bank::{Bank, Difference};
use model::Planted;
use shrink::shrink;
use steps::{Step, sequence};

/// On a file, and on a server, where each step is some round trips.
const SEEDS: [u64; 2] = [10, 4];
const STEPS: u64 = 1_000;

#[expect(clippy::disallowed_methods, reason = "the test's own setting, not the service's configuration")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name}: {value:?} is no number")))
}

struct Beside {
    system: SystemRunner,
    bank: Bank,
}

impl Beside {
    fn new() -> Self {
        let system = System::new();
        let bank = system.block_on(Bank::new());
        Self { system, bank }
    }

    fn run(&self, steps: &[Step], planted: Option<Planted>) -> Result<(), Difference> {
        self.system.block_on(self.bank.run(steps, planted))
    }

    /// The shortest part of a sequence that fails, and how it fails.
    fn shortest(&self, steps: &[Step], planted: Option<Planted>, mut found: Difference) -> (Vec<Step>, String) {
        let failing = steps[..found.steps].to_vec();
        let shortest = shrink(&failing, |some| {
            found = self.run(some, planted).err()?;
            Some(found.steps)
        });
        (shortest, found.text)
    }
}

#[test]
fn every_sequence_does_what_a_model_of_a_few_lines_does() {
    let default = SEEDS[usize::from(database::on_server())];
    let (first, seeds) = (setting("LEDGER_FIRST_SEED", 1), setting("LEDGER_SEEDS", default));
    let many = usize::try_from(setting("LEDGER_STEPS", STEPS)).unwrap();
    assert!(seeds > 0 && many > 0, "LEDGER_SEEDS and LEDGER_STEPS must not be 0");
    let beside = Beside::new();
    for seed in first..first + seeds {
        let steps = sequence(seed, many);
        if let Err(found) = beside.run(&steps, None) {
            let (after, text) = (found.steps, found.text.clone());
            let (shortest, last) = beside.shortest(&steps, None, found);
            panic!(
                "LEDGER_FIRST_SEED={seed} LEDGER_SEEDS=1 LEDGER_STEPS={many} fails after {after} steps: {text}\n\
                 The shortest part of it that fails: {shortest:#?}\n{last}"
            );
        }
    }
}

#[test]
fn a_fault_that_is_planted_into_the_model_is_found_and_the_sequence_shortened_to_a_few_steps() {
    let beside = Beside::new();
    let (steps, planted) = (sequence(1, 300), Some(Planted::HeldAfterCapture));
    let found = beside.run(&steps, planted).expect_err("the model is wrong");
    let (shortest, text) = beside.shortest(&steps, planted, found);
    assert!((2..=6).contains(&shortest.len()), "{shortest:#?}");
    assert!(matches!(shortest.last(), Some(Step::Capture { .. })), "{shortest:#?}: {text}");
    assert!(beside.run(&shortest, planted).is_err(), "it does not fail by itself");
    assert!(beside.run(&shortest, None).is_ok(), "it fails without the fault, too");
}
