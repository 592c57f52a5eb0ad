//! Medians: what a series of runs says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The values of several runs, in one unit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Series {
    /// What the numbers are.
    pub(crate) unit: Cow<'static, str>,
    /// One value a run.
    pub(crate) values: Vec<f64>,
}

impl Series {
    /// No runs yet.
    pub(crate) const fn new(unit: &'static str) -> Self {
        Self { unit: Cow::Borrowed(unit), values: Vec::new() }
    }

    /// A value that is counted, not measured: one run tells it.
    pub(crate) fn of(unit: &'static str, value: f64) -> Self {
        Self { unit: Cow::Borrowed(unit), values: vec![value] }
    }

    /// Adds a run.
    pub(crate) fn push(&mut self, value: f64) {
        self.values.push(value);
    }

    /// The value in the middle; the mean of the two in the middle when they are even in number.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.len() / 2;
        let lower = sorted.len().saturating_sub(1) / 2;
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        f64::midpoint(at(lower), at(upper))
    }

    /// The smallest value.
    pub(crate) fn least(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The largest value.
    pub(crate) fn most(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^53")]
pub(crate) const fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_value_in_the_middle() {
        let series = |values: &[f64]| Series { unit: "s".into(), values: values.to_vec() }.median();
        assert!((series(&[9.0, 1.0, 5.0]) - 5.0).abs() < 1e-9);
        assert!((series(&[9.0, 1.0, 5.0, 6.0]) - 5.5).abs() < 1e-9);
        assert!(series(&[]).is_nan());
    }
}
