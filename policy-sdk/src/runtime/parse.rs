//! Settings, read from JSON, with everything that is wrong with them.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::Problem;

/// More problems than anybody mends at once.
const MOST: usize = 50;

pub(super) fn parse<T: DeserializeOwned>(settings: &str) -> Result<T, Problem> {
    match read(&mut serde_json::Deserializer::from_str(settings)) {
        Ok(parsed) => Ok(parsed),
        Err(first) => Err(every_problem::<T>(settings, first)),
    }
}

/// A problem, and the place that it is about.
struct Found {
    place: Vec<Step>,
    problem: Problem,
}

/// One step down: into a member of an object, or an element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

fn read<'t, T, R>(deserializer: &mut serde_json::Deserializer<R>) -> Result<T, Found>
where
    T: DeserializeOwned,
    R: serde_json::de::Read<'t>,
{
    let parsed = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        let path = match error.path().to_string() {
            // The second is what cannot be read at all.
            whole if matches!(whole.as_str(), "." | "?") => String::new(),
            path => path,
        };
        let problem = Problem::at(path, without_position(error.inner()));
        Found { place: steps(error.path()), problem }
    })?;
    let end = deserializer.end();
    end.map_err(|error| Found {
        place: Vec::new(),
        problem: Problem::new(without_position(&error)),
    })?;
    Ok(parsed)
}

/// Reads on without what was wrong, until nothing is wrong or no more can be told. Deserializing
/// ends at the first error, but the operator mends them all at once.
fn every_problem<T: DeserializeOwned>(settings: &str, first: Found) -> Problem {
    let rest = serde_json::from_str(settings).map(|whole| others::<T>(whole, &first));
    let mut all = vec![first.problem];
    all.extend(rest.unwrap_or_default());
    // There is at least the first one.
    Problem::all(all).err().unwrap_or_else(|| Problem::new("these settings cannot be read"))
}

fn others<T: DeserializeOwned>(mut settings: Value, first: &Found) -> Vec<Problem> {
    let mut gone = Gone::default();
    let mut place = first.place.clone();
    let mut problems = Vec::new();
    for _ in 0..MOST {
        if !remove(&mut settings, &place) {
            break;
        }
        gone.add(place);
        let text = settings.to_string();
        let Err(found) = read::<T, _>(&mut serde_json::Deserializer::from_str(&text)) else {
            break;
        };
        if !gone.explains(&found) {
            let (_, message) = found.problem.into_parts();
            problems.push(Problem::at(shown(&gone.original(&found.place)), message));
        }
        place = found.place;
    }
    problems
}

/// The values that were taken out.
#[derive(Default)]
struct Gone {
    /// Each place as it was then, without what was taken out before it.
    places: Vec<Vec<Step>>,
    /// The same as the operator counts.
    originals: Vec<Vec<Step>>,
}

impl Gone {
    fn add(&mut self, place: Vec<Step>) {
        self.originals.push(self.original(&place));
        self.places.push(place);
    }

    /// The place as the operator counts it: what was taken out last is put back first.
    fn original(&self, place: &[Step]) -> Vec<Step> {
        let mut place = place.to_vec();
        for gone in self.places.iter().rev() {
            let Some((Step::Element(index), parents)) = gone.split_last() else {
                continue;
            };
            if place.len() > parents.len()
                && place[..parents.len()] == *parents
                && let Step::Element(own) = &mut place[parents.len()]
                && *own >= *index
            {
                *own += 1;
            }
        }
        place
    }

    /// Tells whether something is missing because it was taken out.
    fn explains(&self, found: &Found) -> bool {
        let missing = found.problem.message().strip_prefix("missing field `");
        let Some(name) = missing.and_then(|rest| rest.strip_suffix('`')) else {
            return false;
        };
        let mut place = self.original(&found.place);
        place.push(Step::Member(name.to_owned()));
        self.originals.contains(&place)
    }
}

/// Takes out what stands at a place. The whole cannot be taken out.
fn remove(settings: &mut Value, place: &[Step]) -> bool {
    let Some((last, parents)) = place.split_last() else {
        return false;
    };
    let parent = parents.iter().try_fold(settings, |value, step| match step {
        Step::Member(name) => value.get_mut(name.as_str()),
        Step::Element(index) => value.get_mut(*index),
    });
    match (parent, last) {
        (Some(Value::Object(members)), Step::Member(name)) => members.remove(name).is_some(),
        (Some(Value::Array(elements)), Step::Element(index)) if *index < elements.len() => {
            elements.remove(*index);
            true
        }
        _ => false,
    }
}

fn steps(path: &Path) -> Vec<Step> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Element(*index)),
        Segment::Map { key } => Some(Step::Member(key.clone())),
        Segment::Enum { variant } => Some(Step::Member(variant.clone())),
        Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

fn shown(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            Step::Member(name) if text.is_empty() => text.push_str(name),
            Step::Member(name) => text.extend([".", name.as_str()]),
            Step::Element(index) => text.extend(["[", &index.to_string(), "]"]),
        }
    }
    text
}

/// The operator wrote YAML: line and column of the JSON made from it would mislead.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match message.strip_suffix(&position) {
        Some(rest) => rest.to_owned(),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Settings {
        allow: Vec<u8>,
        #[serde(default)]
        hours: Vec<Hours>,
        #[serde(default)]
        named: BTreeMap<String, u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Hours {
        from: String,
        to: String,
    }

    fn places(settings: &str) -> Vec<String> {
        let problem = parse::<Settings>(settings).unwrap_err();
        problem.into_each().map(|problem| problem.path().to_owned()).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let settings = r#"{
            "alow": 1, "allow": [1, "x", 2, 300, 3, "y"], "other": {},
            "hours": [{ "from": "8", "to": 9 }, { "from": "8", "till": "9", "to": "9" }],
            "named": { "a": 1, "b": "2", "c": [] }
        }"#;
        let expected = [
            "alow",
            "allow[1]",
            "allow[3]",
            "allow[5]",
            "other",
            "hours[0].to",
            "hours[1].till",
            "named.b",
            "named.c",
        ];
        let mut found = places(settings);
        found.sort_unstable();
        let mut expected = expected.map(str::to_owned).to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_missing_is_told_and_what_was_taken_out_is_not_missing() {
        assert_eq!(places("{}"), [""]);
        assert_eq!(places(r#"{ "allow": 7 }"#), ["allow"]);
        assert_eq!(places(r#"{ "aloow": [7] }"#), ["aloow", ""]);
        assert_eq!(places("[]"), [""]);
        let own = r#"{ "allow": [], "hours": [{ "from": 7, "to": "9" }, { "to": "9" }, 7] }"#;
        assert_eq!(places(own), ["hours[0].from", "hours[1]", "hours[2]"]);
        assert_eq!(places("{"), [""]);
        assert_eq!(places(r#"{ "allow": [] } 7"#), [""]);
    }

    #[test]
    fn nobody_is_told_more_than_can_be_mended() {
        let many: Vec<_> = (0..1_000).map(|_| "\"x\"").collect();
        let settings = format!("{{\"allow\":[{}]}}", many.join(","));
        assert_eq!(places(&settings).len(), MOST + 1);
    }
}
