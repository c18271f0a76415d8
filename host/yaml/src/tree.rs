//! YAML text as a tree with the place of each value.

mod build;
mod scalar;

use std::rc::Rc;

pub use self::build::parse;
pub use self::scalar::{Plain, resolve};
use super::location::Location;

/// A value of the file.
#[derive(Debug)]
pub struct Node {
    /// Its place in the file.
    pub at: Location,
    /// The value there.
    pub value: Value,
}

/// The value of a node. Children are shared, because an alias is the value that it
/// refers to.
#[derive(Debug)]
pub enum Value {
    /// A scalar; what a plain one means depends on what is asked for.
    Scalar {
        /// Its text, without quotes.
        text: String,
        /// True if it has no quotes.
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

    /// Tells whether nothing, `~` or `null` stands there.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if scalar::is_null(text))
    }
}
