//! Nothing passes from one decision to the next, even in the same slot.

use stockade_core::{Deny, Outcome, Verdict};

use crate::guest::Guest;
use crate::request::{Request, is_allowed};

/// Judges often enough that slots are used again, and expects what a first decision gives.
fn always_allowed(guest: &Guest) {
    let policy = guest.prepared_in_one_slot();
    for _ in 0..20 {
        let outcome = Request::ordinary().judged_by(&policy);
        assert!(is_allowed(&outcome), "{outcome:?}");
    }
}

#[test]
fn a_counter_in_a_global_is_always_at_its_beginning() {
    always_allowed(&Guest::new().declaring("(global $calls (mut i32) (i32.const 0))").evaluating(
        "(local $before i32)
                 (local.set $before (global.get $calls))
                 (global.set $calls (i32.const 2))
                 (call $verdicts (call $count (local.get $request)) (local.get $before))",
    ));
}

#[test]
fn memory_written_by_one_decision_is_gone_in_the_next() {
    // Inside the snapshot, in the pages after it, and in memory grown by the call:
    // a word that is not zero any more would turn the answer into an abstention.
    for address in [2048, 60_000, 65_536 * 3 + 100, 65_536 * 20] {
        always_allowed(&Guest::new().evaluating(&format!(
            "(local $before i32)
             (drop (memory.grow (i32.const 24)))
             (local.set $before (i32.load (i32.const {address})))
             (i32.store (i32.const {address}) (i32.const 2))
             (call $verdicts (call $count (local.get $request)) (local.get $before))"
        )));
    }
}

#[test]
fn what_configure_did_is_where_every_decision_begins() {
    let guest = Guest::new()
        .declaring("(global $configured (mut i32) (i32.const 2))")
        .configuring(
            "(global.set $configured (i32.const 1))
             (i32.store8 (i32.const 16) (i32.const 0x67))
             (call $alloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 12))",
        )
        .evaluating(
            "(local $list i32)
             (local.set $list
               (call $verdicts (call $count (local.get $request)) (global.get $configured)))
             ;; Only this decision may see the change of the reason.
             (i32.store8 (i32.const 17) (i32.const 0x6f))
             (global.set $configured (i32.const 0))
             (local.get $list)",
        );
    let policy = guest.prepared_in_one_slot();
    for _ in 0..20 {
        let outcome = Request::ordinary().judged_by(&policy);
        assert_eq!(
            outcome,
            Outcome::Verdict(Verdict::Deny(Deny::forbidden("go"))),
            "the snapshot's reason and kind"
        );
    }
}

#[test]
fn a_trap_leaves_nothing_behind_in_its_slot() {
    let guest = Guest::provoked("(i32.store (i32.const 3000) (i32.const 1)) (unreachable)")
        .declaring("(func $peek (result i32) (i32.load (i32.const 3000)))");
    let policy = guest.prepared_in_one_slot();
    for _ in 0..5 {
        assert!(!is_allowed(&Request::provoking().judged_by(&policy)));
        assert!(is_allowed(&Request::ordinary().judged_by(&policy)));
    }
    let peeking = guest.evaluating(
        "(if (call $is_provoked (local.get $request)) (then
           (i32.store (i32.const 3000) (i32.const 2)) (unreachable)))
         (call $verdicts (call $count (local.get $request)) (call $peek))",
    );
    let policy = peeking.prepared_in_one_slot();
    for _ in 0..5 {
        assert!(!is_allowed(&Request::provoking().judged_by(&policy)));
        assert!(is_allowed(&Request::ordinary().judged_by(&policy)));
    }
}

#[test]
fn decisions_wait_for_a_slot_instead_of_failing() {
    let policy = Guest::new().prepared_in_one_slot();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert!(is_allowed(&Request::ordinary().judged_by(&policy)));
                }
            });
        }
    });
}
