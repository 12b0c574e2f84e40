//! Regular expressions of strangers: only a linear engine, only a bounded size each and together.
//!
//! The size of a compiled pattern bounds both memory and, per byte of text, the time of the engine's slow path.

use super::SCHEMA_LIMITS as LIMITS;
use super::error::SchemaError;
use crate::judge::pattern;
use jsonschema::PatternOptions;

/// Work per KiB of compiled pattern and unit of text: then the slow path takes 1.5 s at worst, measured in a release build.
const WEIGHT_PER_KIB: u64 = 64;

/// What the patterns of a schema need so far, in bytes.
#[derive(Debug, Default)]
pub(super) struct Budget {
    bytes: usize,
}

impl Budget {
    /// Admits one more pattern and says what it weighs.
    ///
    /// # Errors
    /// It needs look-around or back-references, is no regular expression, or is too big, alone or with the others.
    pub(super) fn admit(&mut self, source: &str, at: &str) -> Result<u64, SchemaError> {
        let refuse = |problem: &str| SchemaError::Pattern { at: at.to_owned(), problem: problem.to_owned() };
        if source.contains("(?=")
            || source.contains("(?!")
            || source.contains("(?<=")
            || source.contains("(?<!")
        {
            return Err(refuse(
                "look-around such as (?=...) is not supported, because it can take forever; use allOf with several patterns",
            ));
        }
        if has_back_reference(source) {
            return Err(refuse(
                "back-references such as \\1 are not supported, because they can take forever; spell the text out",
            ));
        }
        // JSON Schema means ASCII by `\d` and `\w`, which are much smaller than Unicode's.
        let ascii = source.replace("\\d", "[0-9]").replace("\\w", "[0-9A-Za-z_]");
        let Some((_, kib)) = pattern::sized(&ascii, LIMITS.pattern_bytes_max) else {
            return Err(refuse(
                "it is not a regular expression, or it needs more than 256 KiB; check brackets, and shorten repetitions such as {1,5000}",
            ));
        };
        self.bytes += kib << 10;
        if self.bytes > LIMITS.patterns_bytes_max {
            return Err(SchemaError::PatternsTooBig);
        }
        Ok(kib as u64 * WEIGHT_PER_KIB)
    }
}

/// The engine that schemas are compiled with.
pub(super) fn engine() -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(LIMITS.pattern_bytes_max).dfa_size_limit(LIMITS.pattern_dfa_bytes_max)
}

/// Whether a backslash that is not itself escaped stands before `1` to `9`, or before `k<`.
fn has_back_reference(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next().is_some_and(|next| matches!(next, '1'..='9' | 'k')) {
            return true;
        }
    }
    false
}
