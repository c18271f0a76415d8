//! The scopes that credentials are narrowed to.

use stockade_authn::Scope;
use stockade_core::ModelPattern;
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned};

use super::config_tests::operation;

/// A list that cannot be read, which was reported.
struct Unreadable;

/// The scope that two keys of a credential say; `None` where one cannot be read, because
/// that must not become "everything".
pub(super) fn scope(
    operations: Field<Vec<Field<String>>>,
    models: Field<Vec<Field<String>>>,
    diagnostics: &mut Diagnostics,
) -> Option<Scope> {
    let operations = list(operations, "operations", diagnostics, operation);
    let models = list(models, "models", diagnostics, pattern);
    Some(Scope { operations: operations.ok()?, models: models.ok()? })
}

fn pattern(text: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<ModelPattern> {
    text.check(diagnostics, |text| text.parse::<ModelPattern>())
}

fn list<T>(
    slot: Field<Vec<Field<String>>>,
    key: &str,
    diagnostics: &mut Diagnostics,
    read: fn(&Spanned<String>, &mut Diagnostics) -> Option<T>,
) -> Result<Option<Vec<T>>, Unreadable> {
    let items = match slot {
        Field::Absent => return Ok(None),
        Field::Invalid => return Err(Unreadable),
        Field::Present(items) => items,
    };
    if items.value.is_empty() {
        refuse_empty(key, items.at, diagnostics);
    }
    let read: Option<Vec<T>> =
        items.value.into_iter().map(|item| read(&item.optional()?, diagnostics)).collect();
    read.map(Some).ok_or(Unreadable)
}

fn refuse_empty(key: &str, at: Location, diagnostics: &mut Diagnostics) {
    let message = format!("with no `{key}` at all, this credential is good for nothing");
    let help = format!("leave `{key}` out for all that the user may do, or name some");
    diagnostics.add(Problem::new(at, message).help(help));
}
