//! Objects taken apart without taking their values apart.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, values as they are written.
///
/// `K` classifies the keys, usually an enum with `#[serde(field_identifier)]`.
pub(super) struct Members<'a, K>(pub(super) Vec<(K, &'a RawValue)>);

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Members<'de, K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

struct MembersVisitor<K>(PhantomData<K>);

impl<'de, K: Deserialize<'de>> Visitor<'de> for MembersVisitor<K> {
    type Value = Members<'de, K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// Returns the place of `part`, which was borrowed from `whole`, in it.
pub(super) fn range_in(whole: &[u8], part: &RawValue) -> Range<usize> {
    let part = part.get().as_bytes();
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}
