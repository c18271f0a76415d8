//! Changes to a file's tree before it is understood: sections that only hold anchors are left out,
//! and variables of the environment are put in.
//!
//! Only the main file may name variables: whoever may write an included one must not be able to
//! read the environment of the gateway. The texts of bindings and tests are for policies, which
//! may give `${` a meaning of their own.

use std::rc::Rc;

use stockade_yaml::tree::{Node, Value};
use stockade_yaml::{Diagnostics, Problem, quoted};

/// The sections in which nothing is replaced.
const LITERAL: [&str; 2] = ["bindings", "tests"];

const FORM: &str = "write `${NAME}`, `${NAME:-a default}`, or `$${` for the text itself";

/// Leaves out sections whose names begin with `x-`.
pub(super) fn without_extensions(root: Rc<Node>) -> Rc<Node> {
    let extends = |key: &Node| key.text().is_some_and(|key| key.starts_with("x-"));
    let Value::Mapping(entries) = &root.value else {
        return root;
    };
    if !entries.iter().any(|(key, _)| extends(key)) {
        return root;
    }
    let kept = entries.iter().filter(|(key, _)| !extends(key)).cloned().collect();
    Rc::new(Node { at: root.at, value: Value::Mapping(kept) })
}

/// Puts variables into the values of the main file. `None` where one is not there, which is
/// reported.
pub(super) fn with_variables(
    root: &Rc<Node>,
    variable: &dyn Fn(&str) -> Option<String>,
    diagnostics: &mut Diagnostics,
) -> Option<Rc<Node>> {
    let mut replacing = Replacing { variable, diagnostics, failed: false };
    let Value::Mapping(entries) = &root.value else {
        return Some(Rc::clone(root));
    };
    let section = |(key, value): &(Rc<Node>, Rc<Node>)| {
        let literal = key.text().is_some_and(|key| LITERAL.contains(&key));
        let value = if literal { Rc::clone(value) } else { replacing.node(value) };
        (Rc::clone(key), value)
    };
    let entries: Vec<_> = entries.iter().map(section).collect();
    let root = Rc::new(Node { at: root.at, value: Value::Mapping(entries) });
    (!replacing.failed).then_some(root)
}

struct Replacing<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    diagnostics: &'a mut Diagnostics,
    failed: bool,
}

impl Replacing<'_> {
    fn node(&mut self, node: &Rc<Node>) -> Rc<Node> {
        let value = match &node.value {
            Value::Scalar { text, .. } if !text.contains("${") => return Rc::clone(node),
            Value::Scalar { text, plain } => match self.text(text) {
                Ok(text) => Value::Scalar { text, plain: *plain },
                Err((message, help)) => {
                    self.diagnostics.add(Problem::new(node.at, message).help(help));
                    self.failed = true;
                    return Rc::clone(node);
                }
            },
            Value::Sequence(items) => {
                Value::Sequence(items.iter().map(|item| self.node(item)).collect())
            }
            Value::Mapping(entries) => {
                let entry =
                    |(key, value): &(Rc<Node>, Rc<Node>)| (Rc::clone(key), self.node(value));
                Value::Mapping(entries.iter().map(entry).collect())
            }
        };
        Rc::new(Node { at: node.at, value })
    }

    fn text(&self, text: &str) -> Result<String, (String, String)> {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, variable) = rest.split_at(start);
            if let Some(before) = before.strip_suffix('$') {
                replaced.push_str(before);
                replaced.push_str("${");
                rest = &variable[2..];
                continue;
            }
            replaced.push_str(before);
            let unended = || ("this variable has no end".to_owned(), FORM.to_owned());
            let (inner, after) = variable[2..].split_once('}').ok_or_else(unended)?;
            replaced.push_str(&self.value(inner)?);
            rest = after;
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    /// Looks a variable up. An empty one is as good as none: what is left out often has a
    /// meaning of its own.
    fn value(&self, inner: &str) -> Result<String, (String, String)> {
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let name = name.strip_prefix("env:").unwrap_or(name);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(fits) {
            let message = format!("{} is no name of a variable", quoted(name));
            return Err((message, FORM.to_owned()));
        }
        let value = (self.variable)(name).filter(|value| !value.is_empty());
        value.or_else(|| default.map(str::to_owned)).ok_or_else(|| {
            let message = format!("the environment variable {name} is not set, or empty");
            (message, format!("set it, or write what holds without it: `${{{name}:-…}}`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> Result<String, String> {
        let variable = |name: &str| match name {
            "URL" => Some("http://ollama:11434".to_owned()),
            "PORT" => Some("11435".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${URL}".to_owned()),
            _ => None,
        };
        let mut diagnostics = Diagnostics::default();
        let replacing =
            Replacing { variable: &variable, diagnostics: &mut diagnostics, failed: false };
        replacing.text(text).map_err(|(message, _)| message)
    }

    #[test]
    fn variables_are_put_in_once() {
        for (text, expected) in [
            ("${URL}", "http://ollama:11434"),
            ("${env:URL}", "http://ollama:11434"),
            ("127.0.0.1:${PORT}", "127.0.0.1:11435"),
            ("${PORT}${PORT}/", "1143511435/"),
            ("${NONE:-http://127.0.0.1:11434}", "http://127.0.0.1:11434"),
            ("${EMPTY:-x}", "x"),
            ("${NONE:-}", ""),
            ("${URL:-x}", "http://ollama:11434"),
            ("${NESTED}", "${URL}"),
            ("$${URL}", "${URL}"),
            ("a$${b} ${PORT}", "a${b} 11435"),
            ("$URL $ {URL}", "$URL $ {URL}"),
        ] {
            assert_eq!(replaced(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        for (text, message) in [
            ("${NONE}", "the environment variable NONE is not set, or empty"),
            ("${EMPTY}", "the environment variable EMPTY is not set, or empty"),
            ("${URL", "this variable has no end"),
            ("${}", "\"\" is no name of a variable"),
            ("${A B}", "\"A B\" is no name of a variable"),
            ("${URL:?none}", "\"URL:?none\" is no name of a variable"),
        ] {
            assert_eq!(replaced(text), Err(message.to_owned()), "{text}");
        }
    }
}
