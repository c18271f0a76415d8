//! Lists of models, reduced to what the caller may see.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;
use stockade_core::{Dialect, ModelName, Operation};

use super::json::{Members, range_in};

/// The shape of a list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// `/api/tags` and `/api/ps`: `{"models":[{"name":…,"model":…}]}`.
    Native,
    /// `/v1/models`: `{"object":"list","data":[{"id":…}]}`.
    OpenAi,
    /// `/api/experimental/model-recommendations`: `{"recommendations":[{"model":…}]}`.
    Recommendations,
}

impl ListKind {
    /// Returns the kind of an operation's answer, where that is a list of models.
    pub const fn of(operation: Operation, dialect: Dialect) -> Option<Self> {
        match (operation, dialect) {
            (Operation::List, Dialect::OpenAi) => Some(Self::OpenAi),
            (Operation::List | Operation::Running, _) => Some(Self::Native),
            (Operation::Recommend, _) => Some(Self::Recommendations),
            _ => None,
        }
    }

    const fn field(self) -> Field {
        match self {
            Self::Native => Field::Models,
            Self::OpenAi => Field::Data,
            Self::Recommendations => Field::Recommendations,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Models,
    Data,
    Recommendations,
    #[serde(other)]
    Other,
}

/// A body that is not the list that was expected.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableList {
    /// It is not the JSON that a list is made of.
    #[error("the upstream's list of models cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The array is missing, or there are several.
    #[error("the upstream's list of models must have its array exactly once, it has it {0} times")]
    Arrays(usize),
}

/// A model of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// Its name.
    pub name: ModelName,
    /// The host on which it really runs, for a model that stands for one in a cloud.
    pub remote_host: Option<String>,
    /// Its name there.
    pub remote_model: Option<String>,
}

impl ListedModel {
    /// Tells whether prompts to it leave the machine.
    pub fn is_cloud(&self) -> bool {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        self.name.is_cloud() || given(&self.remote_host) || given(&self.remote_model)
    }
}

/// A list of models as upstream wrote it.
///
/// An entry without a readable name, or with two names that are not the same model,
/// belongs to nobody: it is left out of every answer.
#[derive(Clone, Debug)]
pub struct ModelList {
    body: Bytes,
    array: Range<usize>,
    entries: Vec<Entry>,
    complete: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    model: ListedModel,
    range: Range<usize>,
}

/// The parts of an entry that say which model it is.
#[derive(Deserialize)]
struct Identity {
    name: Option<String>,
    model: Option<String>,
    id: Option<String>,
    remote_host: Option<String>,
    remote_model: Option<String>,
}

impl ModelList {
    /// Reads upstream's body.
    pub fn read(kind: ListKind, body: Bytes) -> Result<Self, UnreadableList> {
        let (array, raw) = find_entries(kind, &body)?;
        let entries: Vec<Entry> = raw
            .iter()
            .filter_map(|&entry| {
                Some(Entry { model: identify(entry)?, range: range_in(&body, entry) })
            })
            .collect();
        let complete = entries.len() == raw.len();
        Ok(Self { body, array, entries, complete })
    }

    /// The models that the list names.
    pub fn models(&self) -> impl Iterator<Item = &ListedModel> {
        self.entries.iter().map(|entry| &entry.model)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &ModelName> {
        self.models().map(|model| &model.name)
    }

    /// The body with only the models that `keep` holds for; their entries, and all
    /// around them, as upstream wrote it.
    pub fn retain(&self, mut keep: impl FnMut(&ModelName) -> bool) -> Bytes {
        let kept: Vec<&Entry> =
            self.entries.iter().filter(|entry| keep(&entry.model.name)).collect();
        if self.complete && kept.len() == self.entries.len() {
            return self.body.clone();
        }
        let mut body = BytesMut::with_capacity(self.body.len());
        body.put_slice(&self.body[..self.array.start]);
        body.put_u8(b'[');
        for (index, entry) in kept.iter().enumerate() {
            if index > 0 {
                body.put_u8(b',');
            }
            body.put_slice(&self.body[entry.range.clone()]);
        }
        body.put_u8(b']');
        body.put_slice(&self.body[self.array.end..]);
        body.freeze()
    }
}

/// The entries of a list.
pub(super) fn entries(kind: ListKind, body: &[u8]) -> Result<Vec<&RawValue>, UnreadableList> {
    find_entries(kind, body).map(|(_, entries)| entries)
}

fn find_entries(
    kind: ListKind,
    body: &[u8],
) -> Result<(Range<usize>, Vec<&RawValue>), UnreadableList> {
    let array = find_array(kind, body)?;
    // `null` is how Go writes a list that nothing was ever added to.
    let entries: Option<Vec<&RawValue>> = serde_json::from_slice(&body[array.clone()])?;
    Ok((array, entries.unwrap_or_default()))
}

fn find_array(kind: ListKind, body: &[u8]) -> Result<Range<usize>, UnreadableList> {
    let Members::<Field>(members) = serde_json::from_slice(body)?;
    let arrays: Vec<&RawValue> = members
        .into_iter()
        .filter_map(|(field, value)| (field == kind.field()).then_some(value))
        .collect();
    match arrays[..] {
        [array] => Ok(range_in(body, array)),
        _ => Err(UnreadableList::Arrays(arrays.len())),
    }
}

fn identify(entry: &RawValue) -> Option<ListedModel> {
    let identity: Identity = serde_json::from_str(entry.get()).ok()?;
    let mut names = [identity.name, identity.model, identity.id]
        .into_iter()
        .flatten()
        .map(|spelling| ModelName::parse(&spelling).ok());
    let name = names.next()??;
    names.all(|other| other.as_ref() == Some(&name)).then_some(ListedModel {
        name,
        remote_host: identity.remote_host,
        remote_model: identity.remote_model,
    })
}

#[cfg(test)]
mod tests;
