//! From the tree to raw types, collecting everything that is wrong.
//!
//! Raw types derive `Deserialize` as for any other format. What fails inside a
//! [`Field`](super::Field) is reported with its place and leaves the field invalid;
//! unknown keys are reported and passed over. So one pass finds all errors.

mod access;
mod failure;

use std::cell::RefCell;

use serde::de::{self, Deserialize, IntoDeserializer as _, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use self::access::{Elements, FieldParts, Fields, Shape};
pub use self::failure::Failure;
use super::diagnostics::Diagnostics;
use super::field::{BY_SHAPE, FIELD, MAPPING, SCALAR, SEQUENCE};
use super::tree::{Node, Plain, Value, resolve};

/// Reads a raw type from the tree; what is wrong is in the diagnostics.
pub fn decode<'n, T: Deserialize<'n>>(node: &'n Node, diagnostics: &mut Diagnostics) -> Option<T> {
    let shared = RefCell::new(std::mem::take(diagnostics));
    let decoded = T::deserialize(Decoder { node, diagnostics: &shared });
    *diagnostics = shared.into_inner();
    decoded.map_err(|failure| diagnostics.add(failure.into_problem(node.at))).ok()
}

/// A deserializer for one value of the tree.
#[derive(Clone, Copy)]
struct Decoder<'n, 'r> {
    node: &'n Node,
    diagnostics: &'r RefCell<Diagnostics>,
}

impl<'n> Decoder<'n, '_> {
    fn shape(self) -> &'static str {
        match self.node.value {
            Value::Scalar { .. } => SCALAR,
            Value::Sequence(_) => SEQUENCE,
            Value::Mapping(_) => MAPPING,
        }
    }

    /// Names the value that stands there, for an error about it.
    fn unexpected(self) -> Unexpected<'n> {
        match &self.node.value {
            Value::Sequence(_) => Unexpected::Seq,
            Value::Mapping(_) => Unexpected::Map,
            Value::Scalar { text, plain: false } => Unexpected::Str(text),
            Value::Scalar { text, plain: true } => match resolve(text) {
                Ok(Plain::Null) => Unexpected::Unit,
                Ok(Plain::Bool(value)) => Unexpected::Bool(value),
                Ok(Plain::Signed(value)) => Unexpected::Signed(value),
                Ok(Plain::Unsigned(value)) => Unexpected::Unsigned(value),
                Ok(Plain::Float(value)) => Unexpected::Float(value),
                Ok(Plain::Text) | Err(_) => Unexpected::Str(text),
            },
        }
    }

    fn mismatch<V: Visitor<'n>>(self, visitor: &V) -> Failure {
        de::Error::invalid_type(self.unexpected(), visitor)
    }
}

impl<'n> de::Deserializer<'n> for Decoder<'n, '_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Sequence(_) => self.deserialize_seq(visitor),
            Value::Mapping(_) => self.deserialize_map(visitor),
            Value::Scalar { text, plain: false } => visitor.visit_borrowed_str(text),
            Value::Scalar { text, plain: true } => {
                match resolve(text).map_err(de::Error::custom)? {
                    Plain::Null => visitor.visit_unit(),
                    Plain::Bool(value) => visitor.visit_bool(value),
                    Plain::Signed(value) => visitor.visit_i64(value),
                    Plain::Unsigned(value) => visitor.visit_u64(value),
                    Plain::Float(value) => visitor.visit_f64(value),
                    Plain::Text => visitor.visit_borrowed_str(text),
                }
            }
        }
    }

    /// Reads text. Any scalar but null is text here: nobody has to quote a
    /// name that looks like a number.
    fn deserialize_str<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.text() {
            Some(text) if !self.node.is_null() => visitor.visit_borrowed_str(text),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Sequence(items) => visitor.visit_seq(Elements::new(items, self.diagnostics)),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Mapping(entries) => visitor.visit_map(Fields::any(entries, self.diagnostics)),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.node.value {
            _ if name == FIELD => visitor.visit_seq(FieldParts::new(self)),
            Value::Mapping(entries) => {
                visitor.visit_map(Fields::of_struct(entries, fields, self.diagnostics))
            }
            _ => Err(self.mismatch(&visitor).with_keys(fields)),
        }
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        if name == BY_SHAPE {
            return if variants.contains(&self.shape()) {
                visitor.visit_enum(Shape::new(self))
            } else {
                Err(Failure::wrong_shape(self.unexpected(), variants))
            };
        }
        match self.node.text() {
            Some(text) => visitor.visit_enum(text.into_deserializer()),
            None => Err(Failure::not_a_word(self.unexpected(), variants)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'n>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf
        unit unit_struct tuple tuple_struct
    }
}

#[cfg(test)]
mod tests;
