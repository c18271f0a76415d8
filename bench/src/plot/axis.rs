//! Axes: where a value lies, and which values to name.

/// The label and the scale of an axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// With its unit.
    pub label: String,
    /// The scale of its values.
    pub scale: Scale,
}

/// Evenly, or by their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, from zero.
    Linear,
    /// By their logarithm.
    Logarithmic,
    /// By their logarithm, with bytes named in KiB and MiB.
    Bytes,
}

/// An axis over its values.
pub(super) struct Range {
    scale: Scale,
    from: f64,
    to: f64,
}

impl Range {
    /// Wide enough for all values, ending at values that are named.
    pub(super) fn over(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        if scale == Scale::Linear {
            let step = step(high);
            return Self { scale, from: 0.0, to: (high / step).ceil().max(1.0) * step };
        }
        let steps = steps(scale);
        let (low, high) = (low.max(1e-6), high.max(1e-6));
        let from = below(low, steps);
        let mut to = above(high, steps);
        if to <= from {
            to = above(from * 1.01, steps);
        }
        Self { scale, from, to }
    }

    /// Returns the place of a value, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        if self.scale == Scale::Linear {
            return (value - self.from) / (self.to - self.from);
        }
        let value = value.max(1e-9);
        (value / self.from).ln() / (self.to / self.from).ln()
    }

    /// Values to draw a line at, with their names; few enough to be read.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        if self.scale == Scale::Linear {
            let step = step(self.to);
            let count = (self.to / step).round();
            let ticks = (0..).map(f64::from).take_while(|&tick| tick <= count);
            return ticks.map(|tick| (tick * step, name(tick * step))).collect();
        }
        let mut ticks = Vec::new();
        let mut value = self.from;
        while value <= self.to * 1.001 {
            ticks.push(value);
            value = above(value * 1.01, steps(self.scale));
        }
        // The powers alone, where there would be too many.
        if ticks.len() > 8 && self.scale == Scale::Logarithmic {
            ticks.retain(|&tick| (tick.log10() - tick.log10().round()).abs() < 1e-6);
        }
        if ticks.len() > 6 && self.scale == Scale::Bytes {
            let mut number = 0;
            ticks.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        let named = if self.scale == Scale::Bytes { bytes } else { name };
        ticks.into_iter().map(|tick| (tick, named(tick))).collect()
    }
}

/// The base, and the multiples of its powers that have names.
type Steps = (f64, &'static [f64]);

fn steps(scale: Scale) -> Steps {
    if scale == Scale::Bytes { (4.0, &[1.0]) } else { (10.0, &[1.0, 2.0, 5.0]) }
}

/// The named value at or below.
fn below(value: f64, (base, multiples): Steps) -> f64 {
    let power = base.powf((value.ln() / base.ln() + 1e-9).floor());
    let fitting = multiples.iter().rev().find(|&&multiple| power * multiple <= value * 1.000_001);
    power * fitting.copied().unwrap_or(1.0)
}

/// The named value at or above.
fn above(value: f64, (base, multiples): Steps) -> f64 {
    let power = base.powf((value.ln() / base.ln() + 1e-9).floor());
    let fitting = multiples.iter().find(|&&multiple| power * multiple >= value * 0.999_999);
    fitting.map_or(power * base, |multiple| power * multiple)
}

/// A step of which five or so make the whole.
fn step(whole: f64) -> f64 {
    above((whole / 6.0).max(1e-6), (10.0, &[1.0, 2.0, 5.0]))
}

fn name(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value >= 1_000_000.0 {
        format!("{}M", value / 1_000_000.0)
    } else if value >= 1_000.0 {
        format!("{}k", value / 1_000.0)
    } else {
        format!("{}", (value * 1e6).round() / 1e6)
    }
}

fn bytes(value: f64) -> String {
    const KIB: f64 = 1_024.0;
    if value >= KIB * KIB {
        format!("{:.0} MiB", value / (KIB * KIB))
    } else if value >= KIB {
        format!("{:.0} KiB", value / KIB)
    } else {
        format!("{value:.0} B")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(scale: Scale, values: &[f64]) -> Vec<String> {
        let range = Range::over(scale, values.iter().copied());
        range.ticks().into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn ticks_are_round_and_enclose_all_values() {
        assert_eq!(names(Scale::Linear, &[3.0, 47.0]), ["0", "10", "20", "30", "40", "50"]);
        assert_eq!(names(Scale::Logarithmic, &[0.3, 4.0]), ["0.2", "0.5", "1", "2", "5"]);
        assert_eq!(names(Scale::Logarithmic, &[1.0, 10_000.0]), ["1", "10", "100", "1k", "10k"]);
        let sizes = [1_024.0, 64.0 * 1_048_576.0];
        assert_eq!(names(Scale::Bytes, &sizes)[..3], ["1 KiB", "16 KiB", "256 KiB"]);
        assert_eq!(names(Scale::Logarithmic, &[]).first().unwrap(), "1");
        assert!(names(Scale::Logarithmic, &[5.0, 5.0]).len() >= 2);
    }

    #[test]
    fn a_value_lies_between_its_neighbours() {
        let range = Range::over(Scale::Logarithmic, [1.0, 100.0].into_iter());
        assert!((range.place(10.0) - 0.5).abs() < 1e-9);
        assert!((range.place(1.0)).abs() < 1e-9);
        let range = Range::over(Scale::Linear, [0.0, 50.0].into_iter());
        assert!((range.place(25.0) - 0.5).abs() < 1e-9);
    }
}
