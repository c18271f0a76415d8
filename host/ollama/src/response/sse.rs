//! The framing of server-sent events: lines, and a blank one behind each event.
//!
//! Source: WHATWG HTML, "Server-sent events", without the lone carriage return as the
//! end of a line, which Ollama never writes.

use memchr::memchr;

/// Finds the ends of events in a stream that arrives in pieces.
#[derive(Clone, Debug)]
pub(super) struct EventEnds {
    line_is_blank: bool,
}

impl EventEnds {
    pub(super) const fn new() -> Self {
        Self { line_is_blank: true }
    }

    /// The length of what belongs to the current event, its blank line included, or
    /// `None` where the event goes on behind `bytes`. The next call starts there.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut start = 0;
        while let Some(length) = memchr(b'\n', &bytes[start..]) {
            let end = start + length;
            let ends_event = self.line_is_blank && is_blank(&bytes[start..end]);
            self.line_is_blank = true;
            start = end + 1;
            if ends_event {
                return Some(start);
            }
        }
        self.line_is_blank &= is_blank(&bytes[start..]);
        None
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|&byte| byte == b'\r')
}

#[cfg(test)]
mod tests {
    use super::EventEnds;

    #[test]
    fn an_event_ends_with_a_blank_line() {
        let cases: [(&[u8], Option<usize>); 7] = [
            (b"", None),
            (b"data: 1\n", None),
            (b"data: 1\n\ndata: 2\n\n", Some(9)),
            (b"event: x\ndata: 1\n\n", Some(18)),
            (b"data: 1\r\n\r\n", Some(11)),
            (b"\ndata: 1\n\n", Some(1)),
            (b"data: 1\n \n", None),
        ];
        for (bytes, end) in cases {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(EventEnds::new().find(bytes), end, "{text:?}");
        }
    }

    #[test]
    fn the_end_is_found_across_pieces() {
        let mut ends = EventEnds::new();
        assert_eq!(ends.find(b"data: 1"), None);
        assert_eq!(ends.find(b"\n"), None);
        assert_eq!(ends.find(b"\r"), None);
        assert_eq!(ends.find(b"\ndata"), Some(1));
        assert_eq!(ends.find(b"data"), None);
        assert_eq!(ends.find(b"\r"), None);
        assert_eq!(ends.find(b"\n"), None);
        assert_eq!(ends.find(b"\n"), Some(1));
    }
}
