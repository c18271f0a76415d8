use std::collections::HashMap;
use std::rc::Rc;

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{Node, Value};
use crate::diagnostics::{Diagnostics, Problem, quoted};
use crate::location::{FileId, Location};

/// Deeper nesting is refused: what walks the tree does so by recursion.
const DEEPEST: usize = 64;

/// The values that a file may have, an alias counted as all that it stands for.
const MOST_VALUES: u64 = 1_000_000;

/// Reads one YAML document.
///
/// A syntax error ends the reading; everything else that is wrong is reported and
/// passed over.
pub fn parse(text: &str, file: FileId, diagnostics: &mut Diagnostics) -> Option<Rc<Node>> {
    let options = serde_yaml::granit_parser::options! {
        disallow_directives: true,
        emit_comments: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut builder = Builder::new(file, diagnostics);
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => builder.take(event, span).ok()?,
            Err(error) => {
                builder.diagnostics.add(syntax_error(&error, file));
                return None;
            }
        }
    }
    if builder.root.is_none() {
        builder.diagnostics.add(
            Problem::new(Location::point(1, 1).of(file), "the file is empty").help(
                if file == FileId::MAIN {
                    "a smallest configuration has `users`, `policies` and `bindings`"
                } else {
                    "write `bindings: []`, or remove the file"
                },
            ),
        );
    }
    builder.root.map(|built| built.node)
}

fn syntax_error(error: &ScanError, file: FileId) -> Problem {
    let (line, column) = position(*error.marker());
    let message = format!("this is not YAML: {}", error.info());
    Problem::new(Location::point(line, column).of(file), message)
}

/// The parser counts lines from 1 and columns from 0.
fn position(marker: serde_yaml::granit_parser::Marker) -> (u32, u32) {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (number(marker.line()), number(marker.col().saturating_add(1)))
}

/// The file cannot be read any further; why is in the diagnostics.
struct GaveUp;

/// A value with the number of values in it.
#[derive(Clone)]
struct Built {
    node: Rc<Node>,
    weight: u64,
}

/// A list or mapping whose end has not been seen.
struct Open {
    at: Location,
    anchor: usize,
    weight: u64,
    items: Items,
}

enum Items {
    Sequence(Vec<Rc<Node>>),
    Mapping {
        entries: Vec<(Rc<Node>, Rc<Node>)>,
        seen: HashMap<String, Location>,
        key: Key,
        /// The mappings that `<<` takes in.
        merged: Vec<Rc<Node>>,
    },
}

/// The key that a mapping's next value belongs to.
enum Key {
    Expected,
    Read(Rc<Node>),
    /// `<<`
    Merge,
    /// A key that was reported; its value is passed over.
    Refused,
}

struct Builder<'r> {
    file: FileId,
    diagnostics: &'r mut Diagnostics,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    root: Option<Built>,
}

impl<'r> Builder<'r> {
    fn new(file: FileId, diagnostics: &'r mut Diagnostics) -> Self {
        Self { file, diagnostics, open: Vec::new(), anchors: HashMap::new(), root: None }
    }

    fn location(&self, span: Span) -> Location {
        Location::new(position(span.start), position(span.end)).of(self.file)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), GaveUp> {
        let at = self.location(span);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => self.give_up(
                Problem::new(at, "a second YAML document begins here")
                    .help("keep the whole configuration in one document, without `---`"),
            ),
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.is_some(), span);
                let value =
                    Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.finish(Node { at, value }, 1, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.is_some(), span);
                self.start(at, anchor, Items::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.is_some(), span);
                let items = Items::Mapping {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: Key::Expected,
                    merged: Vec::new(),
                };
                self.start(at, anchor, items)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        }
    }

    fn give_up(&mut self, problem: Problem) -> Result<(), GaveUp> {
        self.diagnostics.add(problem);
        Err(GaveUp)
    }

    fn check_tag(&mut self, tagged: bool, span: Span) {
        if tagged {
            let at = self.location(span.tag_span().unwrap_or(span));
            self.diagnostics.add(
                Problem::new(at, "YAML tags (`!…`) are not used here")
                    .help("leave the tag out; quote a value that must be text"),
            );
        }
    }

    fn start(&mut self, at: Location, anchor: usize, items: Items) -> Result<(), GaveUp> {
        self.open.push(Open { at, anchor, weight: 1, items });
        if self.open.len() > DEEPEST {
            let message = format!("this is nested more than {DEEPEST} levels deep");
            return self.give_up(Problem::new(at, message));
        }
        Ok(())
    }

    fn end(&mut self, end: Location) -> Result<(), GaveUp> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.items {
            Items::Sequence(items) => Value::Sequence(items),
            Items::Mapping { entries, seen, merged, .. } => {
                Value::Mapping(with_merged(entries, seen, &merged))
            }
        };
        let at = open.at.up_to(end);
        self.finish(Node { at, value }, open.weight, open.anchor)
    }

    fn finish(&mut self, node: Node, weight: u64, anchor: usize) -> Result<(), GaveUp> {
        let built = Built { node: Rc::new(node), weight };
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        let at = built.node.at;
        self.place(built, at)
    }

    fn alias(&mut self, anchor: usize, at: Location) -> Result<(), GaveUp> {
        match self.anchors.get(&anchor) {
            Some(built) => self.place(built.clone(), at),
            // The parser knows the anchor, so it belongs to a value still open.
            None => self.give_up(Problem::new(at, "this alias stands within what it refers to")),
        }
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, built: Built, at: Location) -> Result<(), GaveUp> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(built);
            return Ok(());
        };
        parent.weight = parent.weight.saturating_add(built.weight);
        if parent.weight > MOST_VALUES {
            let message = format!("the file stands for more than {MOST_VALUES} values");
            return self.give_up(
                Problem::new(at, message).help("use fewer anchors and aliases within each other"),
            );
        }
        match &mut parent.items {
            Items::Sequence(items) => items.push(built.node),
            Items::Mapping { entries, seen, key, merged } => {
                *key = match std::mem::replace(key, Key::Expected) {
                    Key::Expected => read_key(&built.node, at, seen, self.diagnostics),
                    Key::Read(name) => {
                        entries.push((name, built.node));
                        Key::Expected
                    }
                    Key::Merge => {
                        merge(&built.node, at, merged, self.diagnostics);
                        Key::Expected
                    }
                    Key::Refused => {
                        self.diagnostics.mask(built.node.at);
                        Key::Expected
                    }
                };
            }
        }
        Ok(())
    }
}

/// A key of a mapping, unless it is none.
fn read_key(
    node: &Node,
    at: Location,
    seen: &mut HashMap<String, Location>,
    diagnostics: &mut Diagnostics,
) -> Key {
    let Some(text) = node.text() else {
        diagnostics.add(Problem::new(at, "a key must be text, not a list or a mapping"));
        return Key::Refused;
    };
    if let Some(first) = seen.get(text) {
        let message = format!("the key {} stands here twice", quoted(text));
        let help = format!("it first stands in line {}; keep one of them", first.line());
        diagnostics.add(Problem::new(at, message).help(help));
        return Key::Refused;
    }
    seen.insert(text.to_owned(), at);
    if matches!(&node.value, Value::Scalar { text, plain: true } if text == "<<") {
        return Key::Merge;
    }
    // Quoted or not, a key is text: `true:` names something called "true".
    let value = Value::Scalar { text: text.to_owned(), plain: false };
    Key::Read(Rc::new(Node { at, value }))
}

/// Takes in a mapping, or a list of them (YAML's merge key, <https://yaml.org/type/merge.html>).
fn merge(node: &Rc<Node>, at: Location, merged: &mut Vec<Rc<Node>>, diagnostics: &mut Diagnostics) {
    let is_mapping = |node: &Rc<Node>| matches!(node.value, Value::Mapping(_));
    match &node.value {
        Value::Mapping(_) => merged.push(Rc::clone(node)),
        Value::Sequence(all) if all.iter().all(is_mapping) => merged.extend(all.iter().cloned()),
        _ => {
            let help = "write an alias, as in `<<: *defaults`, of a mapping with an anchor, as in \
                        `x-defaults: &defaults { groups: [staff] }`; or a list of such aliases";
            diagnostics.add(Problem::new(at, "`<<` takes in mappings").help(help));
            diagnostics.mask(node.at);
        }
    }
}

/// The entries of a mapping, and those taken in that it does not have itself. Of several
/// mappings the first one counts.
fn with_merged(
    mut entries: Vec<(Rc<Node>, Rc<Node>)>,
    mut seen: HashMap<String, Location>,
    merged: &[Rc<Node>],
) -> Vec<(Rc<Node>, Rc<Node>)> {
    for node in merged {
        let Value::Mapping(more) = &node.value else { continue };
        for (key, value) in more {
            let Some(text) = key.text() else { continue };
            if !seen.contains_key(text) {
                seen.insert(text.to_owned(), key.at);
                entries.push((Rc::clone(key), Rc::clone(value)));
            }
        }
    }
    entries
}
