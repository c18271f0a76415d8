use serde::Deserialize;

use super::decode;
use crate::diagnostics::Diagnostics;
use crate::field::{Entries, Field};
use crate::tree::parse;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Outer {
    name: Field<String>,
    count: Field<u32>,
    ratio: Field<f64>,
    names: Field<Vec<String>>,
    inner: Field<Entries<Inner>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    flag: Field<bool>,
    word: Option<String>,
}

fn read(yaml: &str) -> (Outer, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let file = diagnostics.begin("x".as_ref(), yaml, None);
    let root = parse(yaml, file, &mut diagnostics).unwrap();
    let outer = decode(&root, &mut diagnostics).unwrap_or_default();
    let errors = diagnostics.finish().errors;
    (outer, errors.iter().map(ToString::to_string).collect())
}

#[test]
fn values_arrive_with_their_places() {
    let (outer, errors) = read("name: 12\ncount: 0x10\nratio: 2\ninner: { a: { word: ~ } }\n");
    assert_eq!(errors, [""; 0]);
    let name = outer.name.optional().unwrap();
    assert_eq!((name.value.as_str(), name.at.to_string().as_str()), ("12", "1:7"));
    assert_eq!(outer.count.value(), Some(16));
    assert_eq!(outer.ratio.value(), Some(2.0));
    assert!(matches!(outer.names, Field::Absent));
    let (key, inner) = outer.inner.value().unwrap().0.remove(0);
    assert_eq!((key.value.as_str(), key.at.to_string().as_str()), ("a", "4:10"));
    assert_eq!(inner.value().unwrap().word, None);
}

#[test]
fn one_mistake_does_not_hide_another() {
    let yaml = "\
name: [x]
count: many
names: [ok, [not ok]]
inner:
  good: { flag: true }
  bad: { flag: maybe, flog: 1 }
  worse: []
";
    let (outer, errors) = read(yaml);
    let places: Vec<_> = errors.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["x:1:7", "x:2:8", "x:3:13", "x:6:16", "x:6:23", "x:7:10"]);
    let inner = outer.inner.value().unwrap().0;
    assert!(matches!(inner[0].1, Field::Present(_)));
    assert!(matches!(inner[2].1, Field::Invalid));
}

#[test]
fn a_misspelt_key_is_read_as_what_was_meant() {
    let (outer, errors) = read("nmae: x\ncuont: many\ncount: 1\nname_: y\n");
    assert_eq!(outer.name.value().as_deref(), Some("x"));
    assert_eq!(outer.count.value(), Some(1));
    let expected = [
        "x:1:1: unknown key \"nmae\" (did you mean `name`?)",
        "x:2:1: unknown key \"cuont\" (did you mean `count`?)",
        "x:4:1: unknown key \"name_\" (did you mean `name`?)",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn an_alias_is_reported_once() {
    let (_, errors) = read("inner:\n  a: &a { flag: 1 }\n  b: *a\n");
    assert_eq!(errors, ["x:2:17: expected `true` or `false`, found the number 1"]);
}
