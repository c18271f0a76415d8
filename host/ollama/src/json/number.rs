/// A number as it was written.
///
/// Ollama reads some numbers as Go's `int` and some as `float64`; a gateway that
/// converted them could come to another value than Ollama does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number<'a>(&'a str);

/// Every whole number up to here is a `float64` too.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'a> Number<'a> {
    pub(super) fn new(raw: &'a [u8]) -> Self {
        Self(std::str::from_utf8(raw).unwrap_or_default())
    }

    /// The number as a `float64`, infinite where it is too large for one.
    pub(crate) fn as_f64(self) -> Option<f64> {
        self.0.parse().ok()
    }

    /// The number where it is whole, however it is spelled, and has the same value for
    /// a reader of integers and for one of `float64`.
    pub(crate) fn as_i64(self) -> Option<i64> {
        let float = self.as_f64()?;
        #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
        (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn a_whole_number_is_one_however_it_is_spelled() {
        let read = |text: &'static str| Number::new(text.as_bytes()).as_i64();
        assert_eq!(read("4096"), Some(4096));
        assert_eq!(read("-1"), Some(-1));
        assert_eq!(read("4096.0"), Some(4096));
        assert_eq!(read("4.096e3"), Some(4096));
        for odd in ["4096.5", "1e300", "1e999", "9007199254740994", "0.1"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
