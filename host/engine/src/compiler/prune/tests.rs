use wasmparser::{Operator, Parser, Payload, Validator};

use super::{Stage, names, prune, prune_module, sections};

/// Each stage has a function of its own, and there are all ways to keep one.
const MODULE: &str = r#"
(module $policy
  (import "host" "log" (func $log))
  (func $shared)
  (func $by-evaluate (call $shared) (call $log))
  (func $evaluate (export "stockade:policy/policy@1.0.0#evaluate") (call $by-evaluate))
  (func $by-configure (call $shared))
  (func $configure (export "stockade:policy/policy@1.0.0#configure") (call $by-configure))
  (func $describe (export "stockade:policy/policy@1.0.0#describe") (call $by-configure))
  (func $after (export "cabi_post_stockade:policy/policy@1.0.0#describe"))
  (func $nobody)
  (func $in-a-table)
  (func $in-a-global)
  (func $at-the-start)
  (func $exported (export "cabi_realloc"))
  (table funcref (elem $in-a-table))
  (global funcref (ref.func $in-a-global))
  (start $at-the-start))
"#;

/// The names of the functions that trap, and of those that have a name.
fn trapping(module: &[u8]) -> (Vec<String>, Vec<String>) {
    let order = [
        "shared",
        "by-evaluate",
        "evaluate",
        "by-configure",
        "configure",
        "describe",
        "after",
        "nobody",
        "in-a-table",
        "in-a-global",
        "at-the-start",
        "exported",
    ];
    let (mut trapping, mut named) = (Vec::new(), Vec::new());
    let mut next = order.iter();
    for payload in Parser::new(0).parse_all(module) {
        match payload.unwrap() {
            Payload::CodeSectionEntry(body) => {
                let name = next.next().unwrap();
                let first = body.get_operators_reader().unwrap().read().unwrap();
                if matches!(first, Operator::Unreachable) {
                    trapping.push((*name).to_owned());
                }
            }
            Payload::CustomSection(section) => {
                let range = section.data_offset() - section.name().len() - 1..section.range().end;
                for name in names(&module[range], 0).into_iter().flatten() {
                    named.push(name.unwrap().name.to_owned());
                }
            }
            _ => {}
        }
    }
    (trapping, named)
}

fn pruned(stage: Stage) -> (Vec<String>, Vec<String>) {
    let pruned = prune_module(&wat::parse_str(MODULE).unwrap(), stage).unwrap();
    Validator::new().validate_all(&pruned).unwrap();
    trapping(&pruned)
}

#[test]
fn what_only_makes_a_policy_is_not_in_its_snapshot() {
    let (trapping, named) = pruned(Stage::Deciding);
    assert_eq!(trapping, ["by-configure", "configure", "describe", "after", "nobody"]);
    assert!(named.contains(&"by-evaluate".to_owned()), "{named:?}");
    assert!(!named.iter().any(|name| trapping.contains(name)), "{named:?}");
}

#[test]
fn what_only_decides_is_not_needed_to_make_it() {
    let (trapping, _) = pruned(Stage::Making);
    assert_eq!(trapping, ["by-evaluate", "evaluate", "nobody"]);
    let (trapping, _) = pruned(Stage::Configuring);
    assert_eq!(trapping, ["by-evaluate", "evaluate", "describe", "after", "nobody"]);
}

#[test]
fn everything_but_code_and_names_stays_as_it_is() {
    let component = wat::parse_str(format!(
        "(component (type (func)) (import \"f\" (func (type 0))) (core {} (export \"x\" (func 0)))",
        MODULE.trim().strip_prefix('(').unwrap()
    ))
    .unwrap();
    let pruned = prune(&component, Stage::Deciding).unwrap();
    Validator::new().validate_all(&pruned).unwrap();
    let outside = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let sections = sections(bytes).unwrap().into_iter();
        sections.filter(|one| one.id != 1).map(|one| bytes[one.data].to_vec()).collect()
    };
    assert_eq!(outside(&pruned), outside(&component));
    assert!(pruned.len() < component.len());
}

#[test]
fn what_breaks_off_is_an_error() {
    let component = wat::parse_str("(component (core module (func)))").unwrap();
    for end in 9..component.len() {
        assert!(prune(&component[..end], Stage::Making).is_err(), "{end}");
    }
}
