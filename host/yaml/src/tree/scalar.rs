//! The meaning of plain scalars: the core schema of YAML 1.2.2, section 10.3, and nothing
//! of YAML 1.1.

/// A plain scalar's meaning where nothing in particular was expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A negative integer.
    Signed(i64),
    /// An integer that is not negative.
    Unsigned(u64),
    /// Another number.
    Float(f64),
    /// Anything else is text.
    Text,
}

/// Returns the meaning of a plain scalar.
///
/// # Errors
/// A number that the two YAML versions read differently, or that JSON cannot carry.
pub fn resolve(text: &str) -> Result<Plain, &'static str> {
    if is_null(text) {
        return Ok(Plain::Null);
    }
    match text {
        "true" | "True" | "TRUE" => return Ok(Plain::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Plain::Bool(false)),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Err("a number cannot be infinite here"),
        ".nan" | ".NaN" | ".NAN" => return Err("`.nan` is not a number"),
        _ => {}
    }
    if all_digits(unsigned) {
        return integer(text, unsigned);
    }
    if is_float(unsigned) {
        return float(text);
    }
    Ok(Plain::Text)
}

pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

const TOO_LARGE: &str = "this number is too large";

fn radix(digits: &str, radix: u32) -> Result<Plain, &'static str> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Ok(Plain::Text);
    }
    u64::from_str_radix(digits, radix).map(Plain::Unsigned).map_err(|_| TOO_LARGE)
}

fn integer(text: &str, unsigned: &str) -> Result<Plain, &'static str> {
    if unsigned.len() > 1 && unsigned.starts_with('0') {
        return Err("a number that begins with 0 is octal for some; quote it or drop the zeros");
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = text.parse() {
        return Ok(Plain::Signed(number));
    }
    text.parse().map(Plain::Unsigned).map_err(|_| TOO_LARGE)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits =
        exponent.is_none_or(|digits| all_digits(digits.strip_prefix(['-', '+']).unwrap_or(digits)));
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => all_digits(fraction),
        Some((whole, fraction)) => {
            all_digits(whole) && (fraction.is_empty() || all_digits(fraction))
        }
        None => all_digits(mantissa),
    };
    exponent_fits && mantissa_fits
}

fn float(text: &str) -> Result<Plain, &'static str> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Plain::Float(number)),
        _ => Err(TOO_LARGE),
    }
}

#[cfg(test)]
mod tests {
    use super::{Plain, resolve};

    #[test]
    fn plain_scalars_mean_what_yaml_1_2_says() {
        let cases = [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("null", Plain::Null),
            ("True", Plain::Bool(true)),
            ("yes", Plain::Text),
            ("-7", Plain::Signed(-7)),
            ("+7", Plain::Signed(7)),
            ("18446744073709551615", Plain::Unsigned(u64::MAX)),
            ("0x1F", Plain::Unsigned(31)),
            ("0o17", Plain::Unsigned(15)),
            ("1.5", Plain::Float(1.5)),
            ("-.5e1", Plain::Float(-5.0)),
            ("1e3", Plain::Float(1000.0)),
            ("22:00", Plain::Text),
            ("1.2.3", Plain::Text),
            ("0x", Plain::Text),
            (".", Plain::Text),
            ("e5", Plain::Text),
            ("-", Plain::Text),
        ];
        for (text, meaning) in cases {
            assert_eq!(resolve(text), Ok(meaning), "{text:?}");
        }
    }

    #[test]
    fn numbers_that_are_read_in_two_ways_are_refused() {
        for text in ["010", "-007", ".inf", "-.Inf", ".nan", "1e999", "99999999999999999999"] {
            assert!(resolve(text).is_err(), "{text:?}");
        }
    }
}
