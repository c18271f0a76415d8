//! YAML with the place of each value.
//!
//! A file's text becomes a [tree](tree::Node) whose nodes know where they stand, which is
//! [decoded](decode()) into types with [fields](Field): what is wrong with one part is
//! [reported](Diagnostics) with its place, and the rest is still read. So a person is told of
//! everything that is wrong at once, each with an excerpt and what to do instead.

mod decode;
mod diagnostics;
mod error;
mod field;
mod location;
mod schema;
mod source;
pub mod tree;
mod value;

pub use decode::{Failure, decode};
pub use diagnostics::{Diagnostics, Finished, Problem, closest, quoted};
pub use error::{ConfigError, ConfigErrors, render_all};
pub use field::{BY_SHAPE, Entries, FIELD, Field, MAPPING, SCALAR, SEQUENCE, Spanned};
pub use location::{FileId, Location};
pub use source::Sources;
pub use value::{Part, Setting};
