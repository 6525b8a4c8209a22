use std::borrow::Cow;

/// How much of the expression is shown around the place, in characters.
const WINDOW: usize = 70;

/// What is wrong with an expression: what was expected at which place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at column {column}")]
pub struct FilterError {
    column: usize,
    expected: Cow<'static, str>,
    /// The expression around the place, on one line.
    shown: String,
    /// Characters of it before the place.
    before: usize,
}

impl FilterError {
    pub(super) fn new(text: &str, column: usize, expected: impl Into<Cow<'static, str>>) -> Self {
        let place = column.saturating_sub(1);
        let length = text.chars().count();
        // The whole of a short expression; of a long one the place, with as much before it as after it.
        let start = place.saturating_sub(WINDOW / 2).min(length.saturating_sub(WINDOW));
        let mut shown: String = text
            .chars()
            .skip(start)
            .take(WINDOW)
            // A line break or tab would shift the caret; others steer terminals.
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        let mut before = place - start;
        if start > 0 {
            shown.insert(0, '…');
            before += 1;
        }
        if start + WINDOW < length {
            shown.push('…');
        }
        Self { column, expected: expected.into(), shown, before }
    }

    /// The place: a column of the expression, from 1, in characters; one more than there are if something is missing at
    /// the end.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// What may stand there.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// The expression on a line, cut to what is near the place if it is long, and a caret under the place on the next.
    pub fn pointed(&self) -> String {
        format!("{}\n{}^", self.shown, " ".repeat(self.before))
    }
}
