//! The installed models, as `/api/tags` tells them, and those in memory, as `/api/ps` does.

use serde::Deserialize;
use serde_json::value::RawValue;
use stockade_core::{ModelFacts, ModelName};

use super::list::{ListKind, UnreadableList, entries};

/// A model on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledModel {
    /// Its name, as Ollama spells it. Some of its routes find a model by this spelling only.
    pub name: ModelName,
    /// The facts about it.
    pub facts: ModelFacts,
}

/// A model in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedModel {
    /// The name under which it was loaded; it may have others.
    pub name: ModelName,
    /// The digest of its manifest.
    pub digest: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    model: Option<String>,
    digest: Option<Box<str>>,
    size: Option<u64>,
    details: Option<Details>,
    remote_host: Option<String>,
    remote_model: Option<String>,
}

#[derive(Default, Deserialize)]
struct Details {
    family: Option<Box<str>>,
    parameter_size: Option<String>,
    quantization_level: Option<Box<str>>,
}

impl Entry {
    /// Reads an entry; `None` where it has no readable name, or two.
    fn read(entry: &RawValue) -> Option<(ModelName, Self)> {
        let entry: Self = serde_json::from_str(entry.get()).ok()?;
        let one_name = entry.model.as_ref().is_none_or(|model| *model == entry.name);
        let name = ModelName::parse(&entry.name).ok().filter(|_| one_name)?;
        Some((name, entry))
    }

    fn facts(self, name: &ModelName) -> ModelFacts {
        let told = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let cloud = name.is_cloud() || told(&self.remote_host) || told(&self.remote_model);
        let details = self.details.unwrap_or_default();
        ModelFacts {
            digest: not_empty(self.digest),
            bytes: self.size,
            parameters: details.parameter_size.as_deref().and_then(number_of_parameters),
            quantization: not_empty(details.quantization_level),
            family: not_empty(details.family),
            cloud,
            loaded: false,
        }
    }
}

fn not_empty(text: Option<Box<str>>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty())
}

/// Reads the answer to `GET /api/tags`. An entry without a readable name, or with two names,
/// is left out.
///
/// # Errors
/// The answer is no list.
pub fn installed_models(body: &[u8]) -> Result<Vec<InstalledModel>, UnreadableList> {
    let installed = |entry: &RawValue| {
        let (name, entry) = Entry::read(entry)?;
        let facts = entry.facts(&name);
        Some(InstalledModel { name, facts })
    };
    Ok(entries(ListKind::Native, body)?.into_iter().filter_map(installed).collect())
}

/// Reads the answer to `GET /api/ps`.
///
/// # Errors
/// The answer is no list.
pub fn loaded_models(body: &[u8]) -> Result<Vec<LoadedModel>, UnreadableList> {
    let loaded = |entry: &RawValue| {
        let (name, entry) = Entry::read(entry)?;
        Some(LoadedModel { name, digest: not_empty(entry.digest) })
    };
    Ok(entries(ListKind::Native, body)?.into_iter().filter_map(loaded).collect())
}

/// Reads a number of parameters as Ollama writes it for people: `8.2B`, `137M`, `1.5K`, `22`.
///
/// Source: Ollama `format/format.go` (`HumanNumber`).
fn number_of_parameters(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'T' => (&text[..text.len() - 1], 1_000_000_000_000),
        b'B' => (&text[..text.len() - 1], 1_000_000_000),
        b'M' => (&text[..text.len() - 1], 1_000_000),
        b'K' => (&text[..text.len() - 1], 1_000),
        _ => (text, 1_u64),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        if plain { text.parse::<u64>().ok() } else { None }
    };
    let mut total = number(whole)?.checked_mul(unit)?;
    if !fraction.is_empty() {
        let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        total = total.checked_add(number(fraction)?.checked_mul(unit)? / scale)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_they_are_spelled() {
        let body = br#"{"models":[
            {"name":"hf.co/Foo/Bar:Q4_K_M","model":"hf.co/Foo/Bar:Q4_K_M","digest":"ab12","size":1},
            {"name":"llama3.2:3b","details":{}},
            {"name":"one","model":"other"},
            {"name":"not a name"}, {"model":"nameless"}, 7
        ]}"#;
        let found = installed_models(body).unwrap();
        let told: Vec<_> = found.iter().map(|m| (m.name.short(), m.name.spelled())).collect();
        let expected =
            [("hf.co/foo/bar:q4_k_m", "hf.co/Foo/Bar:Q4_K_M"), ("llama3.2:3b", "llama3.2:3b")];
        assert_eq!(told, expected);
        assert_eq!(found[0].facts.digest.as_deref(), Some("ab12"));
        assert_eq!(found[1].facts, ModelFacts::default());
        assert!(installed_models(br#"{"models":null}"#).unwrap().is_empty());
        for bad in [&b"{}"[..], b"[]", b"", br#"{"models":[]"#, br#"{"models":[],"models":[]}"#] {
            assert!(installed_models(bad).is_err());
            assert!(loaded_models(bad).is_err());
        }
    }

    #[test]
    fn facts_are_those_that_ollama_tells() {
        let body = br#"{"models":[{"name":"qwen3:8b","model":"qwen3:8b","digest":"500a",
            "modified_at":"2026-01-01T12:00:00Z","size":5225388164,"details":{"parent_model":"",
            "format":"gguf","family":"qwen3","families":["qwen3"],"parameter_size":"8.2B",
            "quantization_level":"Q4_K_M"}}]}"#;
        let expected = ModelFacts {
            digest: Some("500a".into()),
            bytes: Some(5_225_388_164),
            parameters: Some(8_200_000_000),
            quantization: Some("Q4_K_M".into()),
            family: Some("qwen3".into()),
            cloud: false,
            loaded: false,
        };
        assert_eq!(installed_models(body).unwrap()[0].facts, expected);
        let loaded = loaded_models(body).unwrap();
        assert_eq!(
            (loaded[0].name.short(), loaded[0].digest.as_deref()),
            ("qwen3:8b", Some("500a"))
        );
    }

    #[test]
    fn a_cloud_model_is_known_by_its_host_or_by_its_name() {
        let body = br#"{"models":[
            {"name":"helper","remote_model":"gpt-oss:20b","remote_host":"https://ollama.com:443"},
            {"name":"half","remote_host":"https://ollama.com:443"},
            {"name":"gpt-oss:20b-cloud"},
            {"name":"local","remote_host":"","remote_model":null}
        ]}"#;
        let found = installed_models(body).unwrap();
        let clouds: Vec<bool> = found.iter().map(|model| model.facts.cloud).collect();
        assert_eq!(clouds, [true, true, true, false]);
    }

    #[test]
    fn parameters_are_counted() {
        for (text, number) in [
            ("8.2B", Some(8_200_000_000)),
            ("137M", Some(137_000_000)),
            ("136.73M", Some(136_730_000)),
            ("1.5k", Some(1500)),
            ("1T", Some(1_000_000_000_000)),
            ("22", Some(22)),
            ("20900000000", Some(20_900_000_000)),
            ("", None),
            ("B", None),
            ("-1B", None),
            ("8x7B", None),
            ("1.B", Some(1_000_000_000)),
            (".5B", None),
            ("99999999999999T", None),
        ] {
            assert_eq!(number_of_parameters(text), number, "{text:?}");
        }
    }
}
