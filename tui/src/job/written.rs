//! Jobs in files, as people write them: a deadline may be a span or a time in words, and a line of many may carry a key
//! of its own.

use crate::fault::Fault;
use crate::input;
use crate::session::own_zone;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::time::{ParseTimeError, Timestamp, parse_moment, parse_span};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of a line's hash that make its key.
const HASH_BYTES: usize = 12;

/// One line of a file of jobs.
pub(super) struct Line {
    pub(super) draft: JobDraft,
    /// What its writer calls it; if nothing, it is known by what it says.
    pub(super) key: Option<String>,
}

/// Reads a line of a file of jobs; `name` stands in complaints.
pub(super) fn line(text: &str, name: &str) -> Result<Line, Fault> {
    let mut fields: BTreeMap<String, Box<RawValue>> = input::parse(text, name)?;
    let key = fields.remove("key").map(|key| input::parse(key.get(), &format!("{name}: key"))).transpose()?;
    if key.is_none() {
        return Ok(Line { draft: draft(text, name)?, key });
    }
    let rest = serde_json::to_string(&fields).map_err(|error| Fault::Input(format!("{name}: {error}")))?;
    Ok(Line { draft: draft(&rest, name)?, key })
}

/// Reads a job; `name` stands in complaints.
pub(super) fn draft(text: &str, name: &str) -> Result<JobDraft, Fault> {
    let mut fields: BTreeMap<String, Box<RawValue>> = input::parse(text, name)?;
    let in_words = |deadline: &RawValue| deadline.get().starts_with('"');
    if !fields.get("deadline").is_some_and(|deadline| in_words(deadline)) {
        // Read as it stands, so that complaints name the right place.
        return input::parse(text, name);
    }
    let deadline = fields.remove("deadline").map(|deadline| input::parse::<String>(deadline.get(), name));
    let rest = serde_json::to_string(&fields).map_err(|error| Fault::Input(format!("{name}: {error}")))?;
    let mut draft: JobDraft = input::parse(&rest, name)?;
    if let Some(deadline) = deadline.transpose()? {
        set_deadline(&mut draft, &deadline)
            .map_err(|error| Fault::Input(format!("{name}: deadline: {error}")))?;
    }
    Ok(draft)
}

/// A span stays a span: the same line tomorrow is the same request.
pub(super) fn set_deadline(draft: &mut JobDraft, text: &str) -> Result<(), ParseTimeError> {
    (draft.deadline, draft.within_ms) = match parse_span(text) {
        Ok(span) => (None, Some(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))),
        Err(_) => (Some(parse_moment(text, Timestamp::now(), &own_zone())?), None),
    };
    Ok(())
}

/// The keys of lines that have none: what a line says, and how often it was said before it. So lines may be added, removed
/// and moved between two runs.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<String, u32>);

impl Keys {
    pub(super) fn of(&mut self, line: &str) -> String {
        let hash = Sha256::digest(line.trim());
        let hash: String = hash[..HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        let times = self.0.entry(hash.clone()).and_modify(|times| *times += 1).or_insert(1);
        format!("{hash}.{times}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_people_write_them() {
        let read = |deadline: &str| draft(&format!(r#"{{"brief":"b","deadline":{deadline}}}"#), "line 1");
        let span = read("\"2h\"").expect("a span");
        assert_eq!((span.deadline, span.within_ms), (None, Some(7_200_000)));
        let time = read("\"2026-12-01T10:00:00Z\"").expect("a time");
        assert_eq!(time.deadline.expect("a time").to_string(), "2026-12-01T10:00:00.000Z");
        assert_eq!(read("1795390000000").expect("ms").deadline, Some(Timestamp(1_795_390_000_000)));
        let wrong = read("\"soon\"").expect_err("no time").to_string();
        assert!(wrong.starts_with("line 1: deadline: \"soon\" is not a time"), "{wrong}");
        let typo = draft(r#"{"brief":"b","deadlin":"2h"}"#, "line 1").expect_err("a typo").to_string();
        assert!(typo.contains("unknown field `deadlin`") && typo.contains("column 22"), "{typo}");
    }

    #[test]
    fn a_line_is_known_by_its_key_or_by_what_it_says() {
        let read = line(r#"{"key":"a","input":{"n":1.50},"brief":"b"}"#, "line 1").expect("a line");
        assert_eq!(read.key.as_deref(), Some("a"));
        assert_eq!(read.draft.input.expect("an input").as_str(), r#"{"n":1.50}"#, "as it came");
        let mut keys = Keys::default();
        let (first, other, again) = (keys.of("x"), keys.of("y"), keys.of(" x\r"));
        assert!(first != other && first != again && again.ends_with(".2"), "{first} {other} {again}");
        assert_eq!(Keys::default().of("x"), first);
    }
}
