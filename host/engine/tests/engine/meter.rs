//! Instructions are counted, and always the same.

use stockade_engine::{Failure, LoadError, Meter, Metered};

use crate::guest::{Guest, limits};
use crate::request::Request;

fn meter(guest: &Guest) -> Meter {
    Meter::new(&guest.source(), limits()).unwrap()
}

fn metered(guest: &Guest) -> Metered {
    meter(guest).metered("{}").unwrap()
}

fn counted(guest: &Guest) -> u64 {
    metered(guest).instructions(&Request::ordinary().input()).unwrap()
}

/// Each round is eight instructions, and nothing else differs.
fn rounds(count: u32) -> Guest {
    Guest::new().evaluating(&format!(
        "(local $i i32)
         (loop $next
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $next (i32.lt_u (local.get $i) (i32.const {count}))))
         (call $verdicts (call $count (local.get $request)) (i32.const 2))"
    ))
}

#[test]
fn every_instruction_counts_and_the_count_is_always_the_same() {
    let (few, more) = (counted(&rounds(10)), counted(&rounds(110)));
    assert_eq!(more - few, 100 * 8);
    let guest = metered(&rounds(10));
    for _ in 0..3 {
        assert_eq!(guest.instructions(&Request::ordinary().input()).unwrap(), few);
    }
}

#[test]
fn a_longer_request_takes_more() {
    let mut long = Request::ordinary();
    long.models.extend_from_within(..);
    let metered = metered(&Guest::new());
    let ordinary = metered.instructions(&Request::ordinary().input()).unwrap();
    // The host asks the guest for the memory of one more name.
    assert!(metered.instructions(&long.input()).unwrap() > ordinary);
}

/// One that loops without end is stopped here too.
#[test]
fn a_decision_that_fails_has_no_count() {
    let failure = |body| {
        let guest = metered(&Guest::new().evaluating(body));
        guest.instructions(&Request::ordinary().input()).unwrap_err()
    };
    assert!(matches!(failure("(unreachable)"), Failure::Trap(_)));
    assert!(matches!(failure("(loop $again (br $again)) (unreachable)"), Failure::Timeout(_)));
}

#[test]
fn settings_that_are_not_accepted_are_an_error() {
    let guest = Guest::new().configuring(
        "(if (i32.gt_u (i32.load offset=4 (local.get $settings)) (i32.const 2))
               (then (unreachable)))
             (call $alloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 12))",
    );
    let meter = meter(&guest);
    assert!(meter.metered("{}").is_ok());
    let refused = meter.metered(r#"{"more":1}"#).map(drop);
    assert!(matches!(refused, Err(LoadError::Configure { binding: Some(0), .. })), "{refused:?}");
}
