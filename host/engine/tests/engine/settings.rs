//! The problems that a policy finds in its settings, and its failures on them.

use stockade_engine::{Failure, Inputs, LoadError, PolicyLimits, SettingsProblem};

use crate::guest::{ENGINE, Guest, limits};

/// Refuses each of the settings that begins with `!`, with a problem whose path and
/// message are "no"; answers `ok` where there is none.
const REFUSE_EXCLAMATION: &str = r"
  (local $answer i32) (local $problems i32) (local $found i32) (local $i i32) (local $at i32)
  (local.set $answer (call $alloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 12)))
  (local.set $problems (call $alloc (i32.const 0) (i32.const 0) (i32.const 4)
    (i32.mul (local.get $settings_count) (i32.const 20))))
  (block $done
    (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $settings_count)))
      (if (i32.eq (i32.const 33) (i32.load8_u (i32.load (i32.add (local.get $settings)
            (i32.mul (local.get $i) (i32.const 8))))))
        (then
          (local.set $at (i32.add (local.get $problems)
            (i32.mul (local.get $found) (i32.const 20))))
          (i32.store (local.get $at) (local.get $i))
          (i32.store offset=4 (local.get $at) (i32.const 16))
          (i32.store offset=8 (local.get $at) (i32.const 2))
          (i32.store offset=12 (local.get $at) (i32.const 16))
          (i32.store offset=16 (local.get $at) (i32.const 2))
          (local.set $found (i32.add (local.get $found) (i32.const 1)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
  (i32.store (local.get $answer) (i32.ne (local.get $found) (i32.const 0)))
  (i32.store offset=4 (local.get $answer) (local.get $problems))
  (i32.store offset=8 (local.get $answer) (local.get $found))
  (local.get $answer)
";

/// Does something on settings that begin with `!`.
fn on_exclamation(what: &str) -> Guest {
    Guest::new().configuring(&format!(
        "(local $i i32)
         (block $done
           (loop $next
             (br_if $done (i32.ge_u (local.get $i) (local.get $settings_count)))
             (if (i32.eq (i32.const 33) (i32.load8_u (i32.load (i32.add (local.get $settings)
                   (i32.mul (local.get $i) (i32.const 8))))))
               (then {what}))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br $next)))
         (call $alloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 12))"
    ))
}

fn settings(count: usize, wrong: &[usize]) -> Vec<String> {
    let text = |index| if wrong.contains(&index) { "!" } else { "{}" };
    (0..count).map(|index| text(index).to_owned()).collect()
}

fn refused(guest: &Guest, settings: &[String]) -> LoadError {
    ENGINE
        .prepare(&guest.source(), settings, limits())
        .map(|policy| panic!("accepted: {policy:?}"))
        .unwrap_err()
}

#[test]
fn problems_of_all_bindings_come_with_their_numbers() {
    let guest = Guest::new().configuring(REFUSE_EXCLAMATION);
    let problem =
        |binding| SettingsProblem { binding, path: "no".to_owned(), message: "no".to_owned() };
    // More than one chunk.
    match refused(&guest, &settings(300, &[1, 130, 299])) {
        LoadError::Settings(problems) => {
            assert_eq!(problems, [1, 130, 299].map(problem));
            assert_eq!(problems[0].to_string(), "no: no");
        }
        other => panic!("{other}"),
    }
    let fine = ENGINE.prepare(&guest.source(), &settings(300, &[]), limits()).unwrap();
    assert_eq!(fine.bindings(), 300);
}

#[test]
fn a_failure_names_the_binding_on_which_it_happens() {
    type Expected = fn(&Failure) -> bool;
    let cases: [(&str, Expected); 4] = [
        ("(call $log (i32.const 4) (i32.const 32) (i32.const 34)) (unreachable)", |failure| {
            failure.to_string().contains("src/lib.rs:21:37: boom")
        }),
        ("(loop $again (br $again))", |failure| matches!(failure, Failure::Timeout(_))),
        ("(loop $again (drop (memory.grow (i32.const 16))) (br $again))", |failure| {
            matches!(failure, Failure::Memory(_))
        }),
        ("(unreachable)", |failure| matches!(failure, Failure::Trap(_))),
    ];
    for (what, is_expected) in cases {
        match refused(&on_exclamation(what), &settings(5, &[3])) {
            LoadError::Configure { binding, failure } => {
                assert_eq!(binding, Some(3), "{failure}");
                assert!(is_expected(&failure), "{failure}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_refusal_that_names_nothing_or_nobody_is_nonsense() {
    let answer = |list: u32, length: u32| {
        Guest::new().configuring(&format!(
            "(i32.store (i32.const 2048) (i32.const 1))
             (i32.store (i32.const 2052) (i32.const {list}))
             (i32.store (i32.const 2056) (i32.const {length}))
             (i32.store (i32.const 3000) (i32.const 9))
             (i32.const 2048)"
        ))
    };
    for guest in [answer(3000, 0), answer(3000, 1)] {
        match refused(&guest, &settings(2, &[])) {
            LoadError::Configure { failure: Failure::Nonsense(_), .. } => {}
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_policy_for_no_binding_is_still_described() {
    let policy = ENGINE.prepare(&Guest::new().source(), &[], limits()).unwrap();
    assert_eq!(policy.bindings(), 0);
    let metadata = policy.metadata();
    assert_eq!((&*metadata.name, &*metadata.version), ("wat", "1.0.0"));
    assert_eq!(metadata.settings_schema, "{}");
    assert_eq!(metadata.inputs, Inputs::TIME.and(Inputs::PARAMETERS));
}

#[test]
fn a_policy_that_cannot_describe_itself_is_refused() {
    match refused(&Guest::new().describing("(unreachable)"), &[]) {
        LoadError::Describe(Failure::Trap(_)) => {}
        other => panic!("{other}"),
    }
}

#[test]
fn a_policy_may_fill_the_memory_that_it_is_given() {
    let limits = PolicyLimits { memory_bytes: 64 << 10, ..limits() };
    let policy = ENGINE.prepare(&Guest::new().source(), &settings(1, &[]), limits);
    assert_eq!(policy.unwrap().bindings(), 1);
}
