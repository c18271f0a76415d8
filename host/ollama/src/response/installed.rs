//! The installed models, as `/api/tags` tells them.

use serde::Deserialize;
use stockade_core::ModelName;

use super::list::{ListKind, UnreadableList, entries};

/// A model on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledModel {
    /// Its name, as Ollama spells it. Some of its routes find a model by this spelling only.
    pub name: ModelName,
    /// The digest of its manifest, which is another one when the model was made anew.
    pub digest: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    model: Option<String>,
    digest: Option<String>,
}

/// Reads the answer to `GET /api/tags`. An entry without a readable name, or with two names,
/// is left out.
///
/// # Errors
/// The answer is no list.
pub fn installed_models(body: &[u8]) -> Result<Vec<InstalledModel>, UnreadableList> {
    let installed = |entry: &serde_json::value::RawValue| {
        let entry: Entry = serde_json::from_str(entry.get()).ok()?;
        let one_name = entry.model.is_none_or(|model| model == entry.name);
        let name = ModelName::parse(&entry.name).ok().filter(|_| one_name)?;
        let digest = entry.digest.map(String::into_boxed_str);
        Some(InstalledModel { name, digest })
    };
    Ok(entries(ListKind::Native, body)?.into_iter().filter_map(installed).collect())
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
        assert_eq!(found[0].digest.as_deref(), Some("ab12"));
        assert!(installed_models(br#"{"models":null}"#).unwrap().is_empty());
        for bad in [&b"{}"[..], b"[]", b"", br#"{"models":[]"#, br#"{"models":[],"models":[]}"#] {
            assert!(installed_models(bad).is_err());
        }
    }
}
