//! Tables as wide as a terminal: the first column, which names the thing, stays whole; texts are cut at their ends, the
//! widest first; numbers are never cut, since half a number is another one. What then still finds no room is left out from
//! the right, and named.

/// Between two columns.
const GAP: usize = 2;
/// What is left of a text at least.
const LEAST: usize = 6;
/// Stands for what was cut.
const CUT: char = '…';

/// How many places a character takes in a terminal.
fn places(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

fn width(text: &str) -> usize {
    text.chars().map(places).sum()
}

/// The text in at most so many places.
fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut taken = 1;
    for character in text.chars() {
        taken += places(character);
        if taken > most {
            break;
        }
        short.push(character);
    }
    short.push(CUT);
    short
}

/// How wide each column is of itself.
pub(super) fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..columns).map(|column| widest(rows, column)).collect()
}

fn widest(rows: &[Vec<String>], column: usize) -> usize {
    rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
}

/// The rows in columns of these widths; further columns are left out.
pub(super) fn lines(rows: &[Vec<String>], widths: &[usize]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, most) in row.iter().zip(widths) {
            let cell = cut(cell, *most);
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(' ', most.saturating_sub(width(&cell)) + GAP));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// How narrow a column may become. The first row is its head, which may be cut as far as its cells are narrow.
fn least(rows: &[Vec<String>], column: usize) -> usize {
    let whole = widest(rows, column);
    let cells = rows.get(1..).unwrap_or_default();
    let is_number = |cell: &str| cell == "-" || cell.parse::<f64>().is_ok();
    if column == 0 {
        whole
    } else if cells.iter().filter_map(|row| row.get(column)).all(|cell| is_number(cell)) {
        widest(cells, column).max(LEAST).min(whole)
    } else {
        whole.min(LEAST)
    }
}

/// The rows, the first of them the heads, in lines of at most so many places.
pub(super) fn fitted(rows: &[Vec<String>], most: usize) -> String {
    let mut wide = widths(rows);
    let narrow: Vec<usize> = (0..wide.len()).map(|column| least(rows, column)).collect();
    while wide.len() > 1 && total(narrow.get(..wide.len()).unwrap_or_default()) > most {
        wide.pop();
    }
    while total(&wide) > most {
        let widest =
            wide.iter_mut().zip(&narrow).filter(|(now, least)| **now > **least).max_by_key(|(now, _)| **now);
        let Some((now, _)) = widest else { break };
        *now -= 1;
    }
    // Alone and still too wide: then even a name is cut.
    if let [only] = wide.as_mut_slice() {
        *only = (*only).min(most);
    }
    let mut text = lines(rows, &wide);
    let missing = rows.first().and_then(|heads| heads.get(wide.len()..)).unwrap_or_default();
    if !missing.is_empty() {
        let note = format!("no room for {}; see --json", missing.join(", "));
        text.push_str(&cut(&note, most));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    const ID: &str = "01a1fcb0-12cf-7067-8332-cc8946cbb798";

    #[test]
    fn what_fits_is_left_alone() {
        let table = rows(&[&["ID", "NAME"], &["1", "Ana"]]);
        assert_eq!(fitted(&table, 80), "ID  NAME\n1   Ana\n");
        assert_eq!(fitted(&table, 8), "ID  NAME\n1   Ana\n");
    }

    #[test]
    fn the_widest_text_is_cut_first_and_the_name_stays_whole() {
        let table = rows(&[&["ID", "HOST", "TEXT"], &[ID, "phone-of-ana", "the café closes at ten o'clock"]]);
        let text = fitted(&table, 70);
        assert!(text.lines().all(|line| width(line) <= 70), "{text}");
        assert!(text.contains(ID) && text.contains("phone-of-ana"), "{text}");
        assert!(text.contains("the café closes a…"), "{text}");
    }

    #[test]
    fn numbers_are_whole_or_not_there() {
        let table = rows(&[
            &["ID", "DEVICE", "SECS LEFT", "MB LEFT"],
            &[ID, ID, "123456.75", "-"],
            &[ID, ID, "-", "10000000.5"],
        ]);
        for most in 20..140 {
            let text = fitted(&table, most);
            assert!(text.lines().all(|line| width(line) <= most), "{most}: {text}");
            for (head, number) in [("SECS", "123456.75"), ("MB LE", "10000000.5")] {
                let has_column = text.lines().next().unwrap().contains(head);
                assert_eq!(has_column, text.contains(number), "{most}: {text}");
            }
            assert_eq!(text.contains("no room for"), !text.contains("10000000.5"), "{most}: {text}");
        }
        assert!(fitted(&table, 80).contains("123456.75"));
    }

    #[test]
    fn wide_characters_take_two_places_and_marks_none() {
        assert_eq!((width("東京"), width("e\u{301}"), width("Ana")), (4, 1, 3));
        assert_eq!(cut("東京タワー", 6), "東京…");
        let table = rows(&[&["ID", "NAME", "MB"], &["1", "東京タワー", "5"], &["2", "Ana", "77"]]);
        assert_eq!(fitted(&table, 80), "ID  NAME        MB\n1   東京タワー  5\n2   Ana         77\n");
        assert!(fitted(&table, 20).lines().all(|line| width(line) <= 20));
    }

    #[test]
    fn a_lone_name_is_cut_where_nothing_else_is_left() {
        let table = rows(&[&["ID", "TEXT"], &[ID, "something"]]);
        assert_eq!(fitted(&table, 20), "ID\n01a1fcb0-12cf-7067-…\nno room for TEXT; s…\n");
        assert_eq!(fitted(&[], 20), "");
    }
}
