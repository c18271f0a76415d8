//! The models of an upstream, as Ollama itself lists them.

use std::collections::{HashMap, HashSet};

use crate::ModelName;

/// The facts that Ollama tells about an installed model. What it does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ModelFacts {
    /// The digest of its manifest. Two names with one digest are one model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Box<str>>,
    /// Its size on disk in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The number of its parameters: 8.2B is 8,200,000,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Its quantization, such as `Q4_K_M`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Box<str>>,
    /// Its family, such as `qwen3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Box<str>>,
    /// True if it runs in the cloud, whatever its name is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cloud: bool,
    /// True if it is in memory.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub loaded: bool,
}

/// The state of a model at an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence<'a> {
    /// It is installed, in this spelling.
    Installed(&'a ModelName, &'a ModelFacts),
    /// It is not.
    Missing,
    /// Nobody knows: Ollama has not told.
    Unknown,
}

/// The models that were installed at an upstream when it was asked last.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// `None` until Ollama has told.
    models: Option<HashMap<ModelName, (ModelName, ModelFacts)>>,
    /// The only ones of which it is known that they are not installed; `None` where that is known
    /// of every other one.
    missing: Option<HashSet<ModelName>>,
}

impl Catalogue {
    /// A catalogue that knows nothing: for decisions without an upstream.
    pub const UNKNOWN: &'static Self = &Self { models: None, missing: None };

    /// A catalogue of these models. Of several spellings of one name the last one stays; it counts
    /// as a cloud model if one of them is, because Ollama may take either.
    pub fn of(models: impl IntoIterator<Item = (ModelName, ModelFacts)>) -> Self {
        let mut known: HashMap<ModelName, (ModelName, ModelFacts)> = HashMap::new();
        for (name, mut facts) in models {
            facts.cloud |= known.get(&name).is_some_and(|(_, other)| other.cloud);
            known.insert(name.clone(), (name, facts));
        }
        Self { models: Some(known), missing: None }
    }

    /// A catalogue of which only some models are known: with their facts where they are installed.
    pub fn of_some(models: impl IntoIterator<Item = (ModelName, Option<ModelFacts>)>) -> Self {
        let mut missing = HashSet::new();
        let installed = models.into_iter().filter_map(|(name, facts)| {
            if facts.is_none() {
                missing.insert(name.clone());
            }
            Some((name, facts?))
        });
        let installed = Self::of(installed);
        Self { missing: Some(missing), ..installed }
    }

    /// Returns the number of its models; `None` where nobody knows.
    pub fn count(&self) -> Option<usize> {
        self.models.as_ref().map(HashMap::len)
    }

    /// Returns the models in memory, as far as it is known.
    pub fn loaded(&self) -> impl Iterator<Item = &ModelName> {
        let all = self.models.iter().flat_map(HashMap::values);
        all.filter(|(_, facts)| facts.loaded).map(|(name, _)| name)
    }

    /// Finds a model.
    pub fn find(&self, name: &ModelName) -> Presence<'_> {
        match &self.models {
            None => Presence::Unknown,
            Some(models) => match (models.get(name), &self.missing) {
                (Some((name, facts)), _) => Presence::Installed(name, facts),
                (None, Some(missing)) if !missing.contains(name) => Presence::Unknown,
                (None, _) => Presence::Missing,
            },
        }
    }

    /// Tells whether prompts to a model leave the machine: its name says so, or it is installed as
    /// one that stands for a model in a cloud.
    pub fn is_cloud(&self, name: &ModelName) -> bool {
        name.is_cloud() || matches!(self.find(name), Presence::Installed(_, facts) if facts.cloud)
    }

    /// Returns the installed spelling of a model, where that is another one.
    pub fn respelled(&self, name: &ModelName) -> Option<&ModelName> {
        match self.find(name) {
            Presence::Installed(installed, _) if installed.spelled() != name.spelled() => {
                Some(installed)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, ModelFacts, Presence};
    use crate::ModelName;

    fn name(spelling: &str) -> ModelName {
        ModelName::parse(spelling).unwrap()
    }

    #[test]
    fn a_model_is_found_by_any_spelling_and_told_in_the_installed_one() {
        let facts = ModelFacts { bytes: Some(7), ..ModelFacts::default() };
        let catalogue = Catalogue::of([(name("hf.co/Foo/Bar:Q4"), facts.clone())]);
        let Presence::Installed(spelled, found) = catalogue.find(&name("HF.co/foo/bar:q4")) else {
            panic!("it is installed");
        };
        assert_eq!((spelled.spelled(), found), ("hf.co/Foo/Bar:Q4", &facts));
        assert_eq!(catalogue.find(&name("other")), Presence::Missing);
        assert_eq!(Catalogue::UNKNOWN.find(&name("other")), Presence::Unknown);
        assert_eq!((catalogue.count(), Catalogue::UNKNOWN.count()), (Some(1), None));
    }

    #[test]
    fn of_some_models_more_is_known_than_of_others() {
        let facts = ModelFacts { loaded: true, ..ModelFacts::default() };
        let catalogue =
            Catalogue::of_some([(name("here"), Some(facts.clone())), (name("gone"), None)]);
        assert!(
            matches!(catalogue.find(&name("here")), Presence::Installed(_, found) if *found == facts)
        );
        assert_eq!(catalogue.find(&name("gone")), Presence::Missing);
        assert_eq!(catalogue.find(&name("other")), Presence::Unknown);
    }

    #[test]
    fn a_cloud_model_is_one_by_its_name_or_by_what_is_installed() {
        let cloud = ModelFacts { cloud: true, ..ModelFacts::default() };
        let local = ModelFacts::default();
        let catalogue = Catalogue::of([
            (name("plain"), cloud.clone()),
            (name("Twice"), cloud),
            (name("twice"), local.clone()),
            (name("local"), local),
        ]);
        for model in ["plain", "PLAIN:latest", "twice", "Twice", "missing:cloud", "x:20b-Cloud"] {
            assert!(catalogue.is_cloud(&name(model)), "{model}");
        }
        for model in ["local", "missing", "x-cloud"] {
            assert!(!catalogue.is_cloud(&name(model)), "{model}");
        }
        assert!(Catalogue::UNKNOWN.is_cloud(&name("x:cloud")));
        assert!(!Catalogue::UNKNOWN.is_cloud(&name("plain")));
    }

    #[test]
    fn only_another_spelling_is_told() {
        let catalogue = Catalogue::of([(name("Mixed:Q4"), ModelFacts::default())]);
        let respelled = |model| catalogue.respelled(&name(model)).map(ModelName::spelled);
        assert_eq!(respelled("mixed:q4"), Some("Mixed:Q4"));
        assert_eq!(respelled("Mixed:Q4"), None);
        assert_eq!(respelled("other"), None);
        assert!(Catalogue::UNKNOWN.respelled(&name("mixed:q4")).is_none());
    }
}
