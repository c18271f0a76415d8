//! Budgets hold whatever the order in which requests begin and end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::allowance::Allowance;

#[derive(Clone, Debug)]
enum Step {
    Admit { input: u64, output: u64, quotas: u8 },
    Settle { which: usize, part: u64 },
    Cut { which: usize, part: u64 },
    GiveBack { which: usize },
    Pass { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..8_usize;
    prop_oneof![
        4 => (0..60_u64, 0..60_u64, 1..8_u8)
            .prop_map(|(input, output, quotas)| Step::Admit { input, output, quotas }),
        2 => (which.clone(), 0..=100_u64).prop_map(|(which, part)| Step::Settle { which, part }),
        1 => (which.clone(), 0..=100_u64).prop_map(|(which, part)| Step::Cut { which, part }),
        1 => which.prop_map(|which| Step::GiveBack { which }),
        1 => (0..2_000_u64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

fn list() -> Vec<Quota> {
    vec![
        quota("hour", &[(Resource::Tokens, HOUR, 300), (Resource::Requests, HOUR, 20)]),
        quota("day", &[(Resource::Tokens, Period::Day, 700)]),
        quota("apart", &[(Resource::InputTokens, HOUR, 200), (Resource::OutputTokens, HOUR, 150)]),
    ]
}

/// The amounts that a request holds by the test's own book.
struct Running {
    admission: Admission,
    input: u64,
    granted: u64,
}

fn end(Running { mut admission, input, granted }: Running, step: &Step) {
    match step {
        Step::Settle { part, .. } => admission.settle(tokens(input, granted * part / 100)),
        Step::Cut { part, .. } => {
            admission.charge_seen(tokens(input, granted * part / 100));
        }
        _ => admission.give_back(),
    }
}

proptest! {
    #[test]
    fn no_order_of_steps_overspends_or_leaks(steps in prop::collection::vec(step(), 1..120)) {
        let quotas = quotas(&accounts(), list());
        let applicable = alice(&quotas);
        let (mut now, mut running) = (NOW, Vec::new());
        for step in &steps {
            match *step {
                Step::Pass { seconds } => now = UnixTime::from_secs(now.as_secs() + seconds),
                Step::Admit { input, output, quotas: which } => {
                    let apply = applicable.iter().filter(|it| which & (1 << it.quota) != 0);
                    let estimate = chat(input, Wanted::AtMost(output));
                    let result = quotas.admit(&apply.cloned().collect::<Vec<_>>(), &estimate, now);
                    if let Ok(admission) = result {
                        let granted = admission.output_cap().unwrap();
                        prop_assert!(granted <= output && (granted > 0 || output == 0));
                        running.push(Running { admission, input, granted });
                    }
                }
                Step::Settle { which, .. } | Step::Cut { which, .. } | Step::GiveBack { which } => {
                    if which < running.len() {
                        end(running.swap_remove(which), step);
                    }
                }
            }
            for state in quotas.states(&applicable, now) {
                let Allowance { used, held, limit, .. } = state.allowance;
                prop_assert!(used + held <= limit, "{state:?}");
            }
        }
        drop(running);
        prop_assert!(told(&quotas, now).iter().all(|(_, held)| *held == 0));
    }
}

/// Asks two hundred times; adds up what was used and how often there was no room.
fn ask_often(quotas: &Quotas, number: u64, used: &AtomicU64, refused: &AtomicU64) {
    let mut applicable = alice(quotas);
    if number.is_multiple_of(2) {
        applicable.reverse();
    }
    for turn in 0..200 {
        let input = (number * 7 + turn) % 50;
        let Ok(mut admission) = quotas.admit(&applicable, &chat(input, Wanted::AtMost(100)), NOW)
        else {
            refused.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let output = admission.output_cap().unwrap() * (turn % 4) / 3;
        if turn % 5 == 0 {
            drop(admission);
            continue;
        } else if turn % 5 == 1 {
            admission.charge_seen(tokens(input, output));
            drop(admission);
        } else {
            admission.settle(tokens(input, output));
        }
        used.fetch_add(input + output, Ordering::Relaxed);
    }
}

#[test]
fn sixty_four_threads_use_no_more_than_the_budget() {
    const LIMIT: u64 = 50_000;
    let list = vec![
        quota("tokens", &[(Resource::Tokens, HOUR, LIMIT)]),
        quota("other", &[(Resource::Tokens, Period::Day, 10 * LIMIT)]),
    ];
    let quotas = quotas(&accounts(), list);
    let (used, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for number in 0..64_u64 {
            let (quotas, used, refused) = (&quotas, &used, &refused);
            scope.spawn(move || ask_often(quotas, number, used, refused));
        }
    });
    let used = used.into_inner();
    assert!(used <= LIMIT, "{used} were used");
    assert!(used > LIMIT - 150 && refused.into_inner() > 0, "only {used} were used");
    assert_eq!(told(&quotas, NOW), [(used, 0), (used, 0)]);
}
