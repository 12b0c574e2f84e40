//! Parts of a line that are never cut, for they hold numbers: they go on in the next line, or go whole.

use unicode_width::UnicodeWidthStr;

/// As many parts as there is room for, the first ones first; one that is too long goes, and those behind it may stay.
pub(super) fn fitting(parts: &[String], gap: &str, width: usize) -> String {
    let mut line = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let gap = if line.is_empty() { "" } else { gap };
        if line.width() + gap.width() + part.width() <= width {
            line.push_str(gap);
            line.push_str(part);
        }
    }
    line
}

/// All parts over as many lines as they take. A part that is longer than a line has one of its own.
pub(super) fn over_lines(parts: &[String], gap: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + gap.width() + part.width() <= width => {
                line.push_str(gap);
                line.push_str(part);
            }
            Some(_) | None => lines.push(part.clone()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_whole() {
        let parts = ["12 open", "", "4 in quarantine", "7 well"].map(str::to_owned);
        assert_eq!(fitting(&parts, ", ", 40), "12 open, 4 in quarantine, 7 well");
        assert_eq!(fitting(&parts, ", ", 16), "12 open, 7 well");
        assert_eq!(fitting(&parts, ", ", 3), "");
        assert_eq!(over_lines(&parts, ", ", 16), ["12 open", "4 in quarantine", "7 well"]);
        assert_eq!(over_lines(&parts, ", ", 25), ["12 open, 4 in quarantine", "7 well"]);
    }
}
