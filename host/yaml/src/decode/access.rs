//! The access of serde to lists, mappings, slots and shapes.

use std::cell::RefCell;
use std::rc::Rc;
use std::slice;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{Decoder, Failure};
use crate::diagnostics::{Diagnostics, Problem, closest, quoted};
use crate::tree::Node;

/// The elements of a list.
pub(super) struct Elements<'n, 'r> {
    items: slice::Iter<'n, Rc<Node>>,
    diagnostics: &'r RefCell<Diagnostics>,
}

impl<'n, 'r> Elements<'n, 'r> {
    pub(super) fn new(items: &'n [Rc<Node>], diagnostics: &'r RefCell<Diagnostics>) -> Self {
        Self { items: items.iter(), diagnostics }
    }
}

impl<'n> SeqAccess<'n> for Elements<'n, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'n>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        let diagnostics = self.diagnostics;
        seed.deserialize(Decoder { node, diagnostics })
            .map(Some)
            .map_err(|failure| failure.or_at(node.at))
    }
}

type Entry = (Rc<Node>, Rc<Node>);

/// The entries of a mapping.
pub(super) struct Fields<'n, 'r> {
    all: &'n [Entry],
    rest: slice::Iter<'n, Entry>,
    value: Option<&'n Node>,
    known: Option<&'static [&'static str]>,
    guessed: Vec<&'static str>,
    diagnostics: &'r RefCell<Diagnostics>,
}

impl<'n, 'r> Fields<'n, 'r> {
    /// A mapping with any keys.
    pub(super) fn any(entries: &'n [Entry], diagnostics: &'r RefCell<Diagnostics>) -> Self {
        Self {
            all: entries,
            rest: entries.iter(),
            value: None,
            known: None,
            guessed: Vec::new(),
            diagnostics,
        }
    }

    /// A mapping with known keys; others are reported.
    pub(super) fn of_struct(
        entries: &'n [Entry],
        known: &'static [&'static str],
        diagnostics: &'r RefCell<Diagnostics>,
    ) -> Self {
        Self { known: Some(known), ..Self::any(entries, diagnostics) }
    }

    /// Reports an unknown key. Where it is a misspelt one, its value is read as what was
    /// probably meant, so that this mistake does not hide others or cause more.
    fn unknown(
        &mut self,
        key: &Node,
        value: &Node,
        known: &[&'static str],
    ) -> Option<&'static str> {
        let text = key.text().unwrap_or_default();
        let problem = Problem::new(key.at, format!("unknown key {}", quoted(text)));
        let guess = closest(text, known.iter().copied());
        let help = match guess {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("the keys known here are {}", known.join(", ")),
        };
        self.diagnostics.borrow_mut().add(problem.help(help));
        let meant = known.iter().copied().find(|word| Some(*word) == guess);
        let free = |word: &&'static str| {
            !self.guessed.contains(word) && self.all.iter().all(|(key, _)| key.text() != Some(word))
        };
        let meant = meant.filter(free);
        match meant {
            Some(word) => self.guessed.push(word),
            // Nobody knows what this is, so it may be a secret.
            None => self.diagnostics.borrow_mut().mask(value.at),
        }
        meant
    }
}

impl<'n> MapAccess<'n> for Fields<'n, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'n>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        while let Some((key, value)) = self.rest.next() {
            self.value = Some(value);
            let Some(known) = self.known else {
                let diagnostics = self.diagnostics;
                return seed.deserialize(Decoder { node: key, diagnostics }).map(Some);
            };
            let exact = known.iter().copied().find(|word| key.text() == Some(*word));
            if let Some(field) = exact.or_else(|| self.unknown(key, value, known)) {
                return seed.deserialize(StrDeserializer::new(field)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some(node) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let diagnostics = self.diagnostics;
        seed.deserialize(Decoder { node, diagnostics }).map_err(|failure| failure.or_at(node.at))
    }
}

/// A slot as a list of two: its location, and its value. What is wrong with the value
/// is reported on the way out.
pub(super) struct FieldParts<'n, 'r> {
    decoder: Decoder<'n, 'r>,
    located: bool,
}

impl<'n, 'r> FieldParts<'n, 'r> {
    pub(super) fn new(decoder: Decoder<'n, 'r>) -> Self {
        Self { decoder, located: false }
    }
}

impl<'n> SeqAccess<'n> for FieldParts<'n, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'n>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let at = self.decoder.node.at;
        if !std::mem::replace(&mut self.located, true) {
            let numbers = SeqDeserializer::new(at.as_numbers().into_iter());
            return seed.deserialize(numbers).map(Some);
        }
        seed.deserialize(self.decoder).map(Some).map_err(|failure| {
            let problem = failure.into_problem(at);
            self.decoder.diagnostics.borrow_mut().add(problem);
            de::Error::custom("reported")
        })
    }
}

/// A value as a variant that is called after its shape.
pub(super) struct Shape<'n, 'r>(Decoder<'n, 'r>);

impl<'n, 'r> Shape<'n, 'r> {
    pub(super) fn new(decoder: Decoder<'n, 'r>) -> Self {
        Self(decoder)
    }
}

impl<'n> EnumAccess<'n> for Shape<'n, '_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'n>>(self, seed: V) -> Result<(V::Value, Self), Failure> {
        let shape = seed.deserialize(StrDeserializer::new(self.0.shape()))?;
        Ok((shape, self))
    }
}

impl<'n> VariantAccess<'n> for Shape<'n, '_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'n>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'n>>(self, _len: usize, visitor: V) -> Result<V::Value, Failure> {
        de::Deserializer::deserialize_seq(self.0, visitor)
    }

    fn struct_variant<V: Visitor<'n>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        de::Deserializer::deserialize_struct(self.0, "", fields, visitor)
    }
}
