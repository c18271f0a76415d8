//! The place of something in a body, for people.

use std::fmt;

use stockade_core::Excerpt;

/// A place in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Such as `messages[3].content`; empty at the top.
    path: String,
    offset: usize,
    line: usize,
}

impl Place {
    /// The place of an offset. Errors are rare, so the way there is found by going over
    /// the body again, instead of being remembered while it is read.
    pub(super) fn of(body: &[u8], offset: usize) -> Self {
        let before = &body[..offset.min(body.len())];
        Self { path: path(before), offset, line: 1 + memchr::memchr_iter(b'\n', before).count() }
    }
}

/// A place without its path, which names keys.
pub(super) struct AtOffset<'a>(&'a Place);

impl Place {
    pub(super) const fn at_offset(&self) -> AtOffset<'_> {
        AtOffset(self)
    }
}

impl fmt::Display for AtOffset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, byte {}", self.0.line, self.0.offset)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at {}, ", Excerpt::of(&self.path))?;
        }
        self.at_offset().fmt(f)
    }
}

/// A container that is open at the end of the text.
enum Open<'a> {
    /// The key whose value comes next or is being read.
    Object(Option<&'a [u8]>),
    /// The index of the element.
    Array(usize),
}

/// The way to the end of `before`, which is the beginning of a body and was found
/// to be JSON so far, but may end within a token.
fn path(before: &[u8]) -> String {
    let mut open = Vec::new();
    let mut string = None;
    let mut at = 0;
    while let Some(&byte) = before.get(at) {
        let mut next = at + 1;
        match byte {
            b'{' => open.push(Open::Object(None)),
            b'[' => open.push(Open::Array(0)),
            b'}' | b']' => {
                open.pop();
            }
            b'"' => {
                next = end_of_string(before, at);
                string = before.get(at + 1..next - 1);
            }
            b':' => {
                if let Some(Open::Object(key)) = open.last_mut() {
                    *key = string;
                }
            }
            b',' => match open.last_mut() {
                Some(Open::Object(key)) => *key = None,
                Some(Open::Array(index)) => *index += 1,
                None => {}
            },
            _ => {}
        }
        at = next;
    }
    render(&open)
}

fn end_of_string(text: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len().max(quote + 2)
}

const LONGEST_KEY: usize = 60;

fn render(open: &[Open<'_>]) -> String {
    let mut path = String::new();
    for step in open.iter().map(Open::step) {
        if !path.is_empty() && !step.is_empty() && !step.starts_with('[') {
            path.push('.');
        }
        path.push_str(&step);
    }
    path
}

impl Open<'_> {
    fn step(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match self {
            Self::Array(index) => format!("[{index}]"),
            Self::Object(None) => String::new(),
            Self::Object(Some(key)) => {
                let key = String::from_utf8_lossy(&key[..key.len().min(LONGEST_KEY)]);
                if key.is_empty() || !key.chars().all(plain) {
                    format!("[{key:?}]")
                } else {
                    key.into_owned()
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_reads_like_a_path() {
        let body = br#"{"model":"a,]}","messages":[{"content":"x"},
            {"content" : "\"]" , "tool calls":[[1,2],[3,"#;
        assert_eq!(
            Place::of(body, body.len()).to_string(),
            format!(r#"at messages[1]["tool calls"][1][1], line 2, byte {}"#, body.len())
        );
        assert_eq!(Place::of(body, 0).to_string(), "line 1, byte 0");
        assert_eq!(Place::of(body, 10).to_string(), "at model, line 1, byte 10");
        let in_message = body.windows(3).position(|w| w == b"\"x\"").unwrap();
        assert_eq!(
            Place::of(body, in_message).to_string(),
            format!("at messages[0].content, line 1, byte {in_message}")
        );
    }
}
