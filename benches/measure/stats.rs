//! Medians and their spread.

/// Some measurements of the same thing.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Adds one.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which this share (0 to 1) of the sample lies: the nearest rank. NaN of nothing.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank inside the sample"
        )]
        let rank = ((share * sorted.len() as f64).ceil() as usize).clamp(1, last + 1) - 1;
        sorted.get(rank).copied().unwrap_or(f64::NAN)
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// What a daemon's own totals can be held against. NaN of nothing.
    pub fn mean(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few measurements")]
        let count = self.0.len() as f64;
        self.0.iter().sum::<f64>() / count
    }

    /// The smallest and the largest.
    pub fn spread(&self) -> (f64, f64) {
        (self.quantile(0.0), self.quantile(1.0))
    }

    /// Each value and the other sample's of the same run.
    pub fn plus(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, two)| one + two).collect())
    }

    /// Each value divided by the other sample's of the same run.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, two)| one / two).collect())
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// How evenly something is shared: 1 is even, 1/n is all for one (Jain, Chiu, Hawe 1984).
pub fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few clients")]
    let count = shares.len() as f64;
    sum * sum / (count * squares)
}
