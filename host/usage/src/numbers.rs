//! Numbers as people read them.

/// Returns a number with commas between its thousands.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The units of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// KiB, MiB and GiB.
    Binary,
    /// kB, MB and GB.
    Decimal,
}

impl Units {
    /// Returns the units in which somebody has written a size: those in which it has no more than
    /// tenths.
    pub fn of(bytes: u64) -> Self {
        let is_exact = |units: Self| {
            let found = units.unit(bytes);
            found.is_some_and(|(_, factor)| (u128::from(bytes) * 10).is_multiple_of(factor))
        };
        if is_exact(Self::Decimal) && !is_exact(Self::Binary) {
            Self::Decimal
        } else {
            Self::Binary
        }
    }

    /// Returns bytes in the largest unit, with tenths: `1.5 GiB`; `None` for less than the smallest.
    pub fn show(self, bytes: u64) -> Option<String> {
        let (name, factor) = self.unit(bytes)?;
        let tenths = u128::from(bytes) * 10 / factor;
        Some(format!("{}.{} {name}", tenths / 10, tenths % 10))
    }

    fn unit(self, bytes: u64) -> Option<(&'static str, u128)> {
        let units = match self {
            Self::Binary => [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)],
            Self::Decimal => [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)],
        };
        units.into_iter().find(|(_, factor)| u128::from(bytes) >= *factor)
    }
}

/// Returns bytes in the largest binary unit, with tenths; `None` for less than 1 KiB.
pub fn binary(bytes: u64) -> Option<String> {
    Units::Binary.show(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_the_units_in_which_they_were_written() {
        for (bytes, shown) in [
            (50 << 30, "50.0 GiB"),
            (3 << 29, "1.5 GiB"),
            (1 << 20, "1.0 MiB"),
            (1_500_000, "1.5 MB"),
            (2_000_000_000, "2.0 GB"),
            (1_234_567, "1.1 MiB"),
        ] {
            assert_eq!(Units::of(bytes).show(bytes).unwrap(), shown);
        }
        assert_eq!(Units::of(999).show(999), None);
        assert_eq!(Units::Decimal.show(999_999).unwrap(), "999.9 kB");
    }
}
