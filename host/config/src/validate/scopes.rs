//! The scopes that credentials are narrowed to.

use stockade_authn::Scope;
use stockade_core::ModelPattern;
use stockade_yaml::{Located, Location, Problem, Report, Slot};

use super::expectations::operation;

/// A list that cannot be read, which was reported.
struct Unreadable;

/// The scope that two keys of a credential say; `None` where one cannot be read, because
/// that must not become "everything".
pub(super) fn scope(
    operations: Slot<Vec<Slot<String>>>,
    models: Slot<Vec<Slot<String>>>,
    report: &mut Report,
) -> Option<Scope> {
    let operations = list(operations, "operations", report, operation);
    let models = list(models, "models", report, pattern);
    Some(Scope { operations: operations.ok()?, models: models.ok()? })
}

fn pattern(text: &Located<String>, report: &mut Report) -> Option<ModelPattern> {
    text.check(report, |text| text.parse::<ModelPattern>())
}

fn list<T>(
    slot: Slot<Vec<Slot<String>>>,
    key: &str,
    report: &mut Report,
    read: fn(&Located<String>, &mut Report) -> Option<T>,
) -> Result<Option<Vec<T>>, Unreadable> {
    let items = match slot {
        Slot::Absent => return Ok(None),
        Slot::Broken => return Err(Unreadable),
        Slot::Present(items) => items,
    };
    if items.value.is_empty() {
        refuse_empty(key, items.at, report);
    }
    let read: Option<Vec<T>> =
        items.value.into_iter().map(|item| read(&item.optional()?, report)).collect();
    read.map(Some).ok_or(Unreadable)
}

fn refuse_empty(key: &str, at: Location, report: &mut Report) {
    let message = format!("with no `{key}` at all, this credential is good for nothing");
    let help = format!("leave `{key}` out for all that the user may do, or name some");
    report.add(Problem::new(at, message).help(help));
}
