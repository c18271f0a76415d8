//! One line of a log or of an audit segment, as far as replay looks at it: borrowed from the line, and
//! what is only compared stays text.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use stockade_core::record::{Caller, Cause, Decision};
use stockade_core::{ModelRef, Operation};

/// A member as it was written; `None` where it is missing.
pub(super) type Text<'a> = Option<&'a RawValue>;

/// The record of one request.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    /// The kind of the line; only audit lines have one.
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) request: Cow<'a, str>,
    pub(super) generation: u64,
    #[serde(borrow, default)]
    pub(super) user: Text<'a>,
    #[serde(borrow, default)]
    front_end: Text<'a>,
    #[serde(borrow, default)]
    groups: Text<'a>,
    #[serde(borrow, default)]
    attributes: Text<'a>,
    #[serde(borrow, default)]
    proof: Text<'a>,
    #[serde(borrow, default)]
    credential: Text<'a>,
    #[serde(borrow, default)]
    credential_labels: Text<'a>,
    pub(super) operation: Option<Operation>,
    #[serde(borrow, default)]
    pub(super) models: Text<'a>,
    #[serde(borrow, default)]
    pub(super) decision_input: Text<'a>,
    pub(super) decision: Decision,
    pub(super) cause: Option<Cause>,
    #[serde(borrow, default)]
    pub(super) reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) binding: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) allowed_by: Text<'a>,
    #[serde(borrow, default)]
    pub(super) obligations: Text<'a>,
    #[serde(borrow, default)]
    pub(super) forwarded_model: Option<Cow<'a, str>>,
}

/// The facts that policies were told.
#[derive(Debug, Deserialize)]
pub(super) struct Told<'a> {
    pub(super) at: u64,
    #[serde(borrow)]
    pub(super) api: &'a RawValue,
    #[serde(borrow)]
    pub(super) address: &'a RawValue,
    #[serde(borrow)]
    pub(super) transport: &'a RawValue,
    #[serde(borrow, default)]
    pub(super) listener: Text<'a>,
    #[serde(borrow, default)]
    pub(super) parameters: Text<'a>,
    #[serde(default)]
    pub(super) digests_left_out: u64,
    #[serde(borrow, default)]
    pub(super) catalogue: Text<'a>,
    #[serde(borrow, default)]
    pub(super) tools: Text<'a>,
    #[serde(default)]
    pub(super) tools_left_out: u64,
    #[serde(borrow, default)]
    pub(super) prompt: Text<'a>,
    #[serde(borrow, default)]
    pub(super) usage: Text<'a>,
}

/// A line that tells of a request, and cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable;

impl<'a> Line<'a> {
    /// Reads a line; `None` for one that tells of something else.
    ///
    /// # Errors
    /// It looks like the record of a request and is none that this version understands.
    pub(super) fn read(line: &'a [u8]) -> Result<Option<Self>, Unreadable> {
        // Most lines of a talkative log are about something else.
        if memmem::find(line, br#""decision":"#).is_none() {
            return Ok(None);
        }
        match serde_json::from_slice::<Self>(line) {
            Ok(line) if line.kind.as_deref().is_some_and(|kind| kind != "request") => Ok(None),
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(Unreadable),
        }
    }

    /// Everything that is written of the caller, in one order.
    pub(super) const fn caller_texts(&self) -> [Text<'a>; 7] {
        [
            self.user,
            self.front_end,
            self.groups,
            self.attributes,
            self.proof,
            self.credential,
            self.credential_labels,
        ]
    }

    /// Reads the caller.
    ///
    /// # Errors
    /// Something in it is not as this version writes it.
    pub(super) fn caller(&self) -> Result<Caller<'static>, Unreadable> {
        Ok(Caller {
            user: read(self.user)?.map(Cow::Owned),
            front_end: read(self.front_end)?.map(Cow::Owned),
            groups: read::<Vec<_>>(self.groups)?.unwrap_or_default().into(),
            attributes: read::<Vec<_>>(self.attributes)?.unwrap_or_default().into(),
            proof: read(self.proof)?,
            credential: read(self.credential)?.map(Cow::Owned),
            credential_labels: read::<Vec<_>>(self.credential_labels)?.unwrap_or_default().into(),
        })
    }

    /// Reads the models that the request names.
    ///
    /// # Errors
    /// They are not as this version writes them.
    pub(super) fn models(&self) -> Result<Vec<ModelRef>, Unreadable> {
        Ok(read(self.models)?.unwrap_or_default())
    }

    /// Returns the facts that policies were told, where any was asked.
    ///
    /// # Errors
    /// They are not as this version writes them.
    pub(super) fn told(&self) -> Result<Option<Told<'a>>, Unreadable> {
        let read = |text: &'a RawValue| serde_json::from_str(text.get()).map_err(|_| Unreadable);
        self.decision_input.map(read).transpose()
    }

    /// Tells whether the policies permitted it, whatever refused it afterwards.
    pub(super) const fn was_permitted(&self) -> bool {
        matches!(self.decision, Decision::Permit) || self.allowed_by.is_some()
    }

    /// Tells whether policies, or the scope of the credential, decided about it.
    pub(super) const fn was_decided(&self) -> bool {
        let by = matches!(
            self.cause,
            Some(Cause::Policy(_) | Cause::OutOfScope | Cause::ObligationUnmet)
        );
        self.was_permitted() || by
    }
}

/// Reads a member.
pub(super) fn read<T: DeserializeOwned>(text: Text<'_>) -> Result<Option<T>, Unreadable> {
    let read = |text: &RawValue| serde_json::from_str(text.get()).map_err(|_| Unreadable);
    text.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::Line;

    const REQUEST: &str = r#""schema":1,"request":"req_1","generation":7,"peer":"127.0.0.1:9","user":"al\u0069ce","decision":"refuse","cause":"denied","outcome":"refused","bytes":0,"microseconds":3"#;

    #[test]
    fn lines_of_logs_and_of_audit_segments_are_read_and_others_passed_over() {
        let log = format!(
            r#"{{"timestamp":"2026-01-05T12:00:00Z","level":"INFO",{REQUEST},"target":"stockade::request"}}"#
        );
        let audit = format!(r#"{{"seq":4,"prev":"ab","time":"…","kind":"request",{REQUEST}}}"#);
        for text in [log, audit] {
            let line = Line::read(text.as_bytes()).unwrap().unwrap();
            assert_eq!((&*line.request, line.generation), ("req_1", 7));
            assert_eq!(line.caller().unwrap().user.unwrap().as_str(), "alice");
            assert!(line.was_decided() && !line.was_permitted());
        }
        let reload = format!(r#"{{"seq":4,"prev":"ab","kind":"reload",{REQUEST}}}"#);
        for other in ["", "not JSON", "{}", r#"{"level":"INFO","message":"listening"}"#, &reload] {
            assert!(Line::read(other.as_bytes()).unwrap().is_none(), "{other}");
        }
        assert!(Line::read(br#"{"request":7,"decision":"permit"}"#).is_err());
    }
}
