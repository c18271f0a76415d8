//! YAML text as a tree in which every value knows where it stands.

mod build;
mod scalar;

use std::rc::Rc;

pub use self::build::parse;
pub use self::scalar::{Plain, resolve};
use super::location::Location;

/// A value of the file.
#[derive(Debug)]
pub struct Node {
    /// Where it stands.
    pub at: Location,
    /// What stands there.
    pub value: Value,
}

/// What stands there. Children are shared, because an alias is the value that it
/// refers to.
#[derive(Debug)]
pub enum Value {
    /// A scalar; what a plain one means depends on what is asked for.
    Scalar {
        /// Its text, without quotes.
        text: String,
        /// Whether it has no quotes.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Rc<Node>>),
    /// A mapping; its keys are scalars and differ from each other.
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether nothing, `~` or `null` stands there.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if scalar::is_null(text))
    }
}
