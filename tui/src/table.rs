//! Columns for people. Cells are cleaned, and cut where the terminal ends.

use guildhall_protocol::clean::{clean_line, cut};
use unicode_width::UnicodeWidthStr;

/// Widest cell, in columns, except in the last column.
const CELL_WIDTH_MAX: usize = 48;

/// Rows under a heading, columns two spaces apart.
pub(crate) fn table<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![heading.map(str::to_owned)];
    lines.extend(rows.into_iter().map(|row| row.map(|cell| cut(&clean_line(&cell), CELL_WIDTH_MAX))));
    let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(widths) {
            row.push_str(cell);
            row.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_wide_as_terminals_count() {
        let rows = [["日本".to_owned(), "a".to_owned()], ["x\u{1b}[31m".to_owned(), "b".to_owned()]];
        assert_eq!(table(["n", "m"], rows), "n      m\n日本   a\nx[31m  b\n");
    }
}
