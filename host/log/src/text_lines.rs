//! Log lines for people. The record of a request is told as `name=value`, in its own order.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes each event as one line, all but records as the subscriber does.
#[derive(Default)]
pub(super) struct TextLines(Format<Full>);

impl<S, N> FormatEvent<S, N> for TextLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        if metadata.target() != super::TARGET {
            return self.0.format_event(context, writer, event);
        }
        SystemTime.format_time(&mut writer)?;
        write!(writer, " {:>5} {}:", metadata.level(), metadata.target())?;
        let mut record = Record { writer: &mut writer, written: Ok(()) };
        event.record(&mut record);
        record.written?;
        writeln!(writer)
    }
}

struct Record<'a, 'w> {
    writer: &'a mut Writer<'w>,
    written: fmt::Result,
}

impl Visit for Record<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == super::FIELD {
            self.written = self.written.and_then(|()| {
                members(value).try_for_each(|(name, value)| write!(self.writer, " {name}={value}"))
            });
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// The names and values of an object that the gateway itself has written, without white
/// space and with plain names.
fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = object.strip_prefix('{').unwrap_or_default();
    std::iter::from_fn(move || {
        let (name, after) = rest.strip_prefix('"')?.split_once("\":")?;
        let end = end_of_value(after);
        rest = after.get(end + 1..).unwrap_or_default();
        Some((name, &after[..end]))
    })
}

/// Returns the end of a value: before a comma or bracket that is not its own.
fn end_of_value(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let end = text.bytes().position(|byte| {
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' if depth == 0 => return true,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        false
    });
    end.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::members;

    #[test]
    fn a_record_is_told_member_by_member() {
        let object = r#"{"a":1,"b":"x,\"}\\","c":{"d":[1,{"e":"]"}]},"f":[],"g":true}"#;
        let found: Vec<_> = members(object).collect();
        let expected = [
            ("a", "1"),
            ("b", r#""x,\"}\\""#),
            ("c", r#"{"d":[1,{"e":"]"}]}"#),
            ("f", "[]"),
            ("g", "true"),
        ];
        assert_eq!(found, expected);
        assert_eq!(members("{}").count(), 0);
    }
}
