//! [`Growth`]: whether a figure grew faster than what it is for.

/// Above this, a figure for each unit has grown, and not only been measured at another moment.
const NOISE_FACTOR: f64 = 1.25;

/// A figure for each unit, such as memory for each process, in deployments of growing size.
#[derive(Debug)]
pub(crate) struct Growth<'a>(pub(crate) &'a [f64]);

impl Growth<'_> {
    /// Of each to the first.
    pub(crate) fn ratio(&self, row: usize) -> f64 {
        match self.0 {
            [first, ..] => self.0.get(row).map_or(f64::NAN, |figure| figure / first),
            [] => f64::NAN,
        }
    }

    /// Whether the last one is clearly above the least before it. Not above the first: what a
    /// deployment costs whatever its size makes that one large, and would hide what grows.
    pub(crate) fn is_faster_than_linear(&self) -> bool {
        let Some((last, before)) = self.0.split_last() else { return false };
        let least = before.iter().copied().fold(f64::INFINITY, f64::min);
        *last > least * NOISE_FACTOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A figure for each of 1, 2, 4, 8 and 16.
    fn growth(of: impl Fn(f64) -> f64) -> bool {
        let figures = [1.0, 2.0, 4.0, 8.0, 16.0].map(|count| of(count) / count);
        Growth(&figures).is_faster_than_linear()
    }

    #[test]
    fn what_grows_as_its_units_do_is_linear() {
        assert!(!growth(|count| 3.0 * count));
        assert!(!growth(|count| 100.0 + 3.0 * count));
        assert!(!growth(f64::sqrt));
    }

    #[test]
    fn a_fixed_cost_hides_no_square() {
        assert!(growth(|count| count * count));
        assert!(growth(|count| 20.0 + count * count));
    }

    #[test]
    fn ratios_are_to_the_first() {
        assert_eq!([0, 1, 2].map(|row| Growth(&[2.0, 4.0, 1.0]).ratio(row)), [1.0, 2.0, 0.5]);
    }
}
