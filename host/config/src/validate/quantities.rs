//! Numbers with a unit and the range that they must lie in.

use std::ops::RangeInclusive;
use std::time::Duration;

use stockade_yaml::{Diagnostics, Field, Problem, Spanned};

use crate::quantity::{self, Invalid, show_amount, show_duration, show_size};

/// A kind of number: its range, and the functions that read and show it.
pub(super) struct Quantity<T> {
    range: RangeInclusive<T>,
    parse: fn(&str) -> Result<T, Invalid>,
    show: fn(T) -> String,
}

impl Quantity<Duration> {
    pub(super) fn duration(range: RangeInclusive<Duration>) -> Self {
        Self { range, parse: quantity::duration, show: show_duration }
    }
}

impl Quantity<u64> {
    /// A number of things, such as 50k.
    pub(super) fn amount(range: RangeInclusive<u64>) -> Self {
        Self { range, parse: quantity::amount, show: show_amount }
    }

    pub(super) fn size(range: RangeInclusive<u64>) -> Self {
        Self { range, parse: quantity::size, show: show_size }
    }
}

impl<T: PartialOrd + Copy> Quantity<T> {
    /// The number, if one is written and fits.
    pub(super) fn read(&self, slot: Field<String>, diagnostics: &mut Diagnostics) -> Option<T> {
        let text = slot.optional()?;
        let number = text.check(diagnostics, |text| (self.parse)(text))?;
        self.within(Spanned::new(text.at, number), diagnostics)
    }

    /// The number, if one is written without a unit and fits.
    pub(super) fn read_number(&self, slot: Field<T>, diagnostics: &mut Diagnostics) -> Option<T> {
        self.within(slot.optional()?, diagnostics)
    }

    fn within(&self, number: Spanned<T>, diagnostics: &mut Diagnostics) -> Option<T> {
        if self.range.contains(&number.value) {
            return Some(number.value);
        }
        let message = format!("{} is out of range", (self.show)(number.value));
        let (least, most) = (*self.range.start(), *self.range.end());
        let help = format!("it may be from {} to {}", (self.show)(least), (self.show)(most));
        diagnostics.add(Problem::new(number.at, message).help(help));
        None
    }
}

/// A number without a unit.
pub(super) fn whole(range: RangeInclusive<u64>) -> Quantity<u64> {
    Quantity {
        range,
        parse: |_| Err("this is a whole number"),
        show: |number: u64| number.to_string(),
    }
}
