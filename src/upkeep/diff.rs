/// More comparisons than this are not made: what lies between is shown as taken out and put in.
const MOST_STEPS: usize = 4_000_000;

/// Of which text a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Both.
    Both,
    /// The old one only: it goes.
    Old,
    /// The new one only: it comes.
    New,
}

/// A line of the difference between two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// Whose it is.
    pub side: Side,
    /// Its number in its text, from 1; in the new one if it is in both.
    pub number: usize,
    /// What it says.
    pub text: String,
}

/// The difference between two texts, line by line, with `around` lines before and after each change. Parts that are left out
/// show as a jump in the numbers.
pub fn diff(old: &str, new: &str, around: usize) -> Vec<DiffLine> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let all = whole(&old, &new);
    let changed: Vec<usize> =
        all.iter().enumerate().filter(|(_, line)| line.side != Side::Both).map(|(at, _)| at).collect();
    let is_near = |at: usize| {
        let next = changed.partition_point(|change| *change < at.saturating_sub(around));
        changed.get(next).is_some_and(|change| *change <= at + around)
    };
    all.into_iter().enumerate().filter(|(at, _)| is_near(*at)).map(|(_, line)| line).collect()
}

fn line(side: Side, at: usize, text: &str) -> DiffLine {
    DiffLine { side, number: at + 1, text: text.to_owned() }
}

/// All lines of both, by the longest common subsequence of what differs.
fn whole(old: &[&str], new: &[&str]) -> Vec<DiffLine> {
    let head = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail =
        old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let old_rest = old_rest.get(..old_rest.len() - tail).unwrap_or_default();
    let new_rest = new_rest.get(..new_rest.len() - tail).unwrap_or_default();
    let mut lines: Vec<DiffLine> =
        new.iter().take(head).enumerate().map(|(at, text)| line(Side::Both, at, text)).collect();
    let (mut at_old, mut at_new) = (0, 0);
    if old_rest.len().saturating_mul(new_rest.len()) <= MOST_STEPS {
        let width = new_rest.len() + 1;
        // How long what is common to the rests from here on is.
        let mut common = vec![0_u32; (old_rest.len() + 1) * width];
        let get = |common: &[u32], row: usize, column: usize| {
            common.get(row * width + column).copied().unwrap_or(0)
        };
        for (row, one) in old_rest.iter().enumerate().rev() {
            for (column, other) in new_rest.iter().enumerate().rev() {
                let longest = if one == other {
                    get(&common, row + 1, column + 1) + 1
                } else {
                    get(&common, row + 1, column).max(get(&common, row, column + 1))
                };
                if let Some(cell) = common.get_mut(row * width + column) {
                    *cell = longest;
                }
            }
        }
        while let (Some(one), Some(other)) = (old_rest.get(at_old), new_rest.get(at_new)) {
            if one == other {
                lines.push(line(Side::Both, head + at_new, other));
                (at_old, at_new) = (at_old + 1, at_new + 1);
            } else if get(&common, at_old + 1, at_new) >= get(&common, at_old, at_new + 1) {
                lines.push(line(Side::Old, head + at_old, one));
                at_old += 1;
            } else {
                lines.push(line(Side::New, head + at_new, other));
                at_new += 1;
            }
        }
    }
    let rest = |from: usize, side: Side, texts: &[&str]| -> Vec<DiffLine> {
        texts.iter().enumerate().skip(from).map(|(at, text)| line(side, head + at, text)).collect()
    };
    lines.extend(rest(at_old, Side::Old, old_rest));
    lines.extend(rest(at_new, Side::New, new_rest));
    let after = new.len() - tail;
    lines.extend(new.iter().enumerate().skip(after).map(|(at, text)| line(Side::Both, at, text)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str, around: usize) -> Vec<String> {
        let sign = |side| match side {
            Side::Both => ' ',
            Side::Old => '-',
            Side::New => '+',
        };
        let lines = diff(old, new, around).into_iter();
        lines.map(|line| format!("{}{}{}", sign(line.side), line.number, line.text)).collect()
    }

    #[test]
    fn what_differs_is_shown_with_what_is_around_it() {
        assert_eq!(shown("a\nb\nc", "a\nb\nc", 3), Vec::<String>::new());
        assert_eq!(shown("a\nb\nc\nd\ne", "a\nb\nX\nd\ne", 1), [" 2b", "-3c", "+3X", " 4d"]);
        assert_eq!(shown("a\nb", "a\nb\nc", 0), ["+3c"]);
        assert_eq!(shown("a\nb\nc", "b\nc", 0), ["-1a"]);
        assert_eq!(shown("", "a", 2), ["+1a"]);
        assert_eq!(shown("a\nb\nc\nd", "b\nx\nd\ny", 0), ["-1a", "-3c", "+2x", "+4y"]);
    }

    #[test]
    fn texts_without_anything_in_common_are_no_trouble_however_long() {
        let old: String = (0..5_000).map(|number| format!("old {number}\n")).collect();
        let new: String = (0..5_000).map(|number| format!("new {number}\n")).collect();
        assert_eq!(diff(&old, &new, 3).len(), 10_000);
    }
}
