//! How big a compiled regular expression is.
//!
//! The size bounds its memory and, per byte of text, the time of the engine's slow path: measured 0.03 to 0.16 µs per byte
//! and KiB in a release build, when a text makes the engine's cache useless (`[01]*1[01]{500}x` on random digits).

use regex::{Regex, RegexBuilder};

/// Sizes in KiB that are tried, smallest first.
const STEPS_KIB: [usize; 5] = [1, 4, 16, 64, 256];

/// Compiles a pattern and says how many KiB it needs, rounded up to a step; `None` if it is no regular expression of a
/// linear engine, or needs more than the most that is allowed.
pub(super) fn sized(pattern: &str, bytes_max: usize) -> Option<(Regex, usize)> {
    STEPS_KIB.into_iter().filter(|kib| kib << 10 <= bytes_max).find_map(|kib| {
        let regex = RegexBuilder::new(pattern).size_limit(kib << 10).dfa_size_limit(1 << 20).build().ok()?;
        Some((regex, kib))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bigger_patterns_are_told_from_small_ones() {
        let kib = |pattern: &str| sized(pattern, 256 << 10).map(|(_, kib)| kib);
        assert!(kib("^[a-z]+$").is_some_and(|kib| kib <= 4));
        assert!(kib("[01]*1[01]{500}x").is_some_and(|kib| kib >= 64));
        assert_eq!(kib("(((a{99}){99}){99})"), None);
        assert_eq!(kib("(?=a)"), None);
    }
}
