//! YAML with the place of each value.
//!
//! A file's text becomes a [tree](tree::Node) whose nodes know where they stand, which is
//! [decoded](decode()) into types with [slots](Slot): what is wrong with one part is
//! [reported](Report) with its place, and the rest is still read. So a person is told of
//! everything that is wrong at once, each with an excerpt and what to do instead.

mod decode;
mod error;
mod location;
mod report;
mod schema;
mod slot;
mod source;
pub mod tree;
mod value;

pub use decode::{Failure, decode};
pub use error::{ConfigError, ConfigErrors, render_all};
pub use location::{FileId, Location};
pub use report::{Finished, Problem, Report, closest, quoted};
pub use slot::{BY_SHAPE, Entries, Located, MAPPING, SCALAR, SEQUENCE, SLOT, Slot};
pub use source::Sources;
pub use value::{Part, Setting};
