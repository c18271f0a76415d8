//! Log lines as JSON objects, flat: `timestamp`, `level`, the event's fields, `target`.
//!
//! The record of a request is JSON already: its members become the line's own.
//!
//! The subscriber's own JSON goes through a serializer and checks each piece of text again;
//! one line of record for each request took longer than proving who sent it.

use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use stockade_core::Causes;

/// Bytes of the line of one request, roughly.
const USUAL: usize = 1024;

/// Writes each event as one line.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // The subscriber's writer is called through a table, and a line has two hundred pieces.
        let mut line = String::with_capacity(USUAL);
        line.push_str("{\"timestamp\":\"");
        SystemTime.format_time(&mut Writer::new(&mut line))?;
        write!(line, "\",\"level\":\"{}\"", event.metadata().level())?;
        let mut members = Members { writer: &mut line, target: None, written: Ok(()) };
        event.record(&mut members);
        let target = members.target.take();
        members.written?;
        line.push_str(",\"target\":\"");
        Escaped(&mut line).write_str(target.as_deref().unwrap_or(event.metadata().target()))?;
        line.push_str("\"}\n");
        writer.write_str(&line)
    }
}

/// The fields of an event, each written as a member of the object.
struct Members<'w, W> {
    writer: &'w mut W,
    /// Of an event that came from the crate `log`, where it was written.
    target: Option<String>,
    written: fmt::Result,
}

impl<W: Write> Members<'_, W> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut W) -> fmt::Result) {
        let written = || {
            self.writer.write_str(",\"")?;
            Escaped(self.writer).write_str(field.name())?;
            self.writer.write_str("\":")?;
            value(self.writer)
        };
        self.written = self.written.and_then(|()| written());
    }

    /// The members of an object that is JSON already.
    fn members(&mut self, object: &str) -> fmt::Result {
        match object.strip_prefix('{').and_then(|members| members.strip_suffix('}')) {
            Some(members) if !members.is_empty() => {
                self.writer.write_char(',')?;
                self.writer.write_str(members)
            }
            _ => Ok(()),
        }
    }

    fn text(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            Escaped(writer).write_fmt(text)?;
            writer.write_char('"')
        });
    }
}

impl<W: Write> Visit for Members<'_, W> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.member(field, |writer| write!(writer, "{value}"));
        } else {
            self.member(field, |writer| writer.write_str("null"));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "log.target" => self.target = Some(value.to_owned()),
            name if name.starts_with("log.") => {}
            super::FIELD => self.written = self.written.and_then(|()| self.members(value)),
            _ => self.member(field, |writer| {
                writer.write_char('"')?;
                Escaped(writer).write_str(value)?;
                writer.write_char('"')
            }),
        }
    }

    /// Also what an error came of: the innermost cause is what an operator needs.
    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.text(field, format_args!("{}", Causes(error)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !field.name().starts_with("log.") {
            self.text(field, format_args!("{value:?}"));
        }
    }
}

/// Text on its way into a JSON string (RFC 8259, section 7).
struct Escaped<'w, W>(&'w mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        while let Some(at) = text.bytes().position(special) {
            let (plain, rest) = text.split_at(at);
            self.0.write_str(plain)?;
            match rest.as_bytes()[0] {
                b'"' => self.0.write_str("\\\"")?,
                b'\\' => self.0.write_str("\\\\")?,
                b'\n' => self.0.write_str("\\n")?,
                b'\r' => self.0.write_str("\\r")?,
                b'\t' => self.0.write_str("\\t")?,
                control => write!(self.0, "\\u{control:04x}")?,
            }
            text = &rest[1..];
        }
        self.0.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Returns the line of one event.
    fn line(emit: impl FnOnce()) -> Value {
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&written);
        let writer = move || Sink(Arc::clone(&sink));
        let layer = tracing_subscriber::fmt::layer().with_writer(writer).event_format(JsonLines);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, emit);
        let written = written.lock().unwrap();
        let written = std::str::from_utf8(&written).unwrap();
        assert_eq!(written.lines().count(), 1);
        serde_json::from_str(written).unwrap()
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_kind_of_value_keeps_its_kind() {
        let absent: Option<u64> = None;
        let mut found = line(|| {
            tracing::warn!(
                target: "stockade::test",
                text = "a", number = 7_u64, less = -7_i64, half = 0.5, never = f64::NAN, yes = true,
                shown = %"b\n", listed = ?["c"], absent, "it\u{7} said \"no\""
            );
        });
        let timestamp = found.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
        assert_eq!(
            found,
            json!({
                "level": "WARN", "target": "stockade::test", "message": "it\u{7} said \"no\"",
                "text": "a", "number": 7, "less": -7, "half": 0.5, "never": null, "yes": true,
                "shown": "b\n", "listed": "[\"c\"]",
            })
        );
    }

    #[test]
    fn an_error_is_told_with_what_it_came_of() {
        let cause = std::io::Error::other("the pipe broke");
        let error = stockade_config::ConfigErrors::from(stockade_config::ConfigError::new(
            "x.yaml".as_ref(),
            "wrong",
        ));
        let outer = std::io::Error::other(Outer(cause));
        let outer: &(dyn Error + 'static) = &outer;
        let plain: &(dyn Error + 'static) = &error;
        let found = line(|| tracing::warn!(outer, plain, "a"));
        assert_eq!(found["outer"], "outside: the pipe broke");
        assert_eq!(found["plain"], "x.yaml: wrong");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outside")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_members_of_a_record_are_those_of_the_line() {
        let found = line(|| {
            tracing::info!(target: "stockade::request", record = r#"{"status":200,"groups":["a"]}"#);
        });
        assert_eq!((&found["status"], &found["groups"][0]), (&200.into(), &"a".into()));
        assert_eq!(found["target"], "stockade::request");
        let found = line(|| tracing::info!(record = "{}", "nothing"));
        assert_eq!(found["message"], "nothing");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "\\PC*|[\\x00-\\x7f]*") {
            let found = line(|| tracing::info!(text, shown = %text));
            prop_assert_eq!(&found["text"], &Value::from(text.clone()));
            prop_assert_eq!(&found["shown"], &Value::from(text));
        }
    }
}
