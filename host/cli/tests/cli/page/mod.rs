//! A page of the guide: its sections, and somebody who follows them.

mod reader;

pub(crate) use reader::Reader;

/// The part of a page under one `##`.
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// A part of a section that says what to do.
pub(crate) enum Block {
    /// A file to write, by name.
    File(String, String),
    /// Top-level keys of the configuration; they replace those of earlier blocks.
    Yaml(String),
    Console(Vec<Command>),
}

/// A line behind `$`, with what comes back.
pub(crate) struct Command {
    pub(crate) line: String,
    /// The last line that is printed: a status, or `no connection`.
    pub(crate) promise: Option<String>,
    /// The other lines, with `…` for what differs; nothing is promised where there are none.
    pub(crate) output: Vec<String>,
}

pub(crate) fn sections(page: &str) -> Vec<Section> {
    let parts = page.split("\n## ").skip(1);
    let section = |part: &str| {
        let (title, text) = part.split_once('\n').unwrap();
        Section { title: title.to_owned(), blocks: blocks(text) }
    };
    parts.map(section).collect()
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut name = None;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```") {
        let named = before.rsplit_once("<!-- file: ").and_then(|(_, name)| name.split_once(" -->"));
        name = named.map(|(name, _)| name.to_owned()).or(name);
        let (language, after) = after.split_once('\n').unwrap();
        let (content, after) = after.split_once("```").expect("a block ends");
        match (name.take(), language) {
            (Some(name), _) => blocks.push(Block::File(name, content.to_owned())),
            (None, "yaml") => blocks.push(Block::Yaml(content.to_owned())),
            (None, "console") => blocks.push(Block::Console(commands(content))),
            (None, other) => panic!("a block of {other:?} has no `<!-- file: … -->` before it"),
        }
        rest = after;
    }
    blocks
}

/// Commands begin with `$`. They go on behind `\` and to the end of a `<< 'END'`.
fn commands(content: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let joined = content.replace("\\\n", " ");
    let mut lines = joined.lines();
    while let Some(line) = lines.next() {
        let Some(line) = line.strip_prefix("$ ") else {
            commands.last_mut().expect("output has a command").output.push(line.to_owned());
            continue;
        };
        let (line, promise) = match line.rsplit_once("   # ") {
            Some((line, promise)) => (line, Some(promise.trim().to_owned())),
            None => (line, None),
        };
        let mut line = line.to_owned();
        if line.ends_with("<< 'END'") {
            for more in lines.by_ref() {
                line.push('\n');
                line.push_str(more);
                if more == "END" {
                    break;
                }
            }
        }
        commands.push(Command { line, promise, output: Vec::new() });
    }
    commands
}

/// Tells whether a line is what was announced, `…` standing for anything.
pub(crate) fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}
