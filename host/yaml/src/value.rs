//! A policy's settings: any JSON, written in YAML, with the place of every part.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::field::{Entries, Field, Spanned};
use super::location::Location;

/// A value of the settings. It only carries text, numbers and the like to a policy; what
/// they mean is the policy's business.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A negative integer.
    Signed(i64),
    /// An integer that is not negative.
    Unsigned(u64),
    /// Another number; it is finite.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Part>),
    /// A mapping, in the order of the file.
    Mapping(Vec<(String, Part)>),
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The place.
    pub at: Location,
    /// The value.
    pub value: Setting,
}

impl Part {
    /// The JSON of the value, always the same for the same value: keys are sorted and
    /// there is no white space.
    pub fn canonical_json(&self) -> String {
        let mut out = String::new();
        self.value.write(&mut out);
        out
    }

    /// Returns the place of the value that a path such as `allow[2].name` leads to; of the last
    /// part that is there, for a path that leads nowhere.
    pub fn locate(&self, path: &str) -> Location {
        match self.step(path) {
            Some((part, rest)) => part.locate(rest),
            None => self.at,
        }
    }

    fn step<'p>(&self, path: &'p str) -> Option<(&Self, &'p str)> {
        match &self.value {
            Setting::List(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, rest))
            }
            Setting::Mapping(entries) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                // A key may itself contain dots, so the longest that fits is meant.
                let fitting = entries.iter().filter_map(|(key, part)| {
                    let rest = path.strip_prefix(key.as_str())?;
                    let ends = rest.is_empty() || rest.starts_with(['.', '[']);
                    (ends && !key.is_empty()).then_some((key.len(), part, rest))
                });
                let (_, part, rest) = fitting.max_by_key(|(length, ..)| *length)?;
                Some((part, rest))
            }
            _ => None,
        }
    }
}

impl Setting {
    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Signed(value) => out.push_str(&value.to_string()),
            Self::Unsigned(value) => out.push_str(&value.to_string()),
            // Finite, so it is a JSON number.
            Self::Float(value) => out.push_str(&serde_json::Value::from(*value).to_string()),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                let parts = items.iter().map(|item| (None, &item.value));
                write_all('[', parts, ']', out);
            }
            Self::Mapping(entries) => {
                let mut sorted: Vec<_> = entries.iter().collect();
                sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
                let parts = sorted.into_iter().map(|(key, part)| (Some(key.as_str()), &part.value));
                write_all('{', parts, '}', out);
            }
        }
    }
}

fn write_all<'s>(
    open: char,
    parts: impl Iterator<Item = (Option<&'s str>, &'s Setting)>,
    close: char,
    out: &mut String,
) {
    out.push(open);
    for (index, (key, value)) in parts.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if let Some(key) = key {
            write_text(key, out);
            out.push(':');
        }
        value.write(out);
    }
    out.push(close);
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SettingVisitor)
    }
}

struct SettingVisitor;

impl<'de> Visitor<'de> for SettingVisitor {
    type Value = Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Setting, E> {
        Ok(Setting::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Setting, E> {
        Ok(Setting::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Setting, E> {
        Ok(Setting::Signed(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Setting, E> {
        Ok(Setting::Unsigned(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Setting, E> {
        Ok(Setting::Float(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Setting, E> {
        Ok(Setting::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Setting, A::Error> {
        let mut items = Vec::new();
        while let Some(slot) = seq.next_element::<Field<Setting>>()? {
            items.extend(slot.optional().map(Part::from));
        }
        Ok(Setting::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Setting, A::Error> {
        let entries = Entries::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let parts = entries.0.into_iter().filter_map(|(key, slot)| {
            let part = Part::from(slot.optional()?);
            Some((key.value, part))
        });
        Ok(Setting::Mapping(parts.collect()))
    }
}

impl From<Spanned<Setting>> for Part {
    fn from(located: Spanned<Setting>) -> Self {
        Self { at: located.at, value: located.value }
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Setting};
    use crate::decode::decode;
    use crate::diagnostics::Diagnostics;
    use crate::field::Field;
    use crate::location::FileId;
    use crate::tree::parse;

    fn settings(yaml: &str) -> Part {
        let mut diagnostics = Diagnostics::default();
        let root = parse(yaml, FileId::MAIN, &mut diagnostics).unwrap();
        let slot: Field<Setting> = decode(&root, &mut diagnostics).unwrap();
        slot.optional().unwrap().into()
    }

    #[test]
    fn json_is_canonical() {
        let yaml = "b: [1, -2, 1.5, 0x10, ~, yes, \"1\"]\na: {z: true, y: 22:00}\n";
        let json = r#"{"a":{"y":"22:00","z":true},"b":[1,-2,1.5,16,null,"yes","1"]}"#;
        assert_eq!(settings(yaml).canonical_json(), json);
        assert_eq!(settings("\"\\u0001\\\"\"").canonical_json(), r#""\u0001\"""#);
    }

    #[test]
    fn paths_lead_to_places() {
        let yaml = "allow:\n  - one\n  - two\nlimits:\n  a.b: { deep: [x] }\n";
        let settings = settings(yaml);
        let place = |path| settings.locate(path).to_string();
        assert_eq!(place("allow[1]"), "3:5");
        assert_eq!(place("limits.a.b.deep[0]"), "5:17");
        assert_eq!(place("allow[7]"), "2:3");
        assert_eq!(place("limits.nothing"), "5:3");
        for whole in ["", ".", "?", "nothing", "[0]", "allow2"] {
            assert_eq!(place(whole), "1:1", "{whole:?}");
        }
    }
}
