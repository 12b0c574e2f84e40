//! The budget of one evaluation, in ticks.
//!
//! A loop's step costs a tick, and so does every 256 bytes that an operation reads or copies. The count depends on the
//! rule and the values alone, so the verdict does too; the clock is only a second wall for what nobody thought of. CEL
//! takes plain functions without state, so the meter of the running evaluation lives in its thread.

use cel::ExecutionError;
use regex::Regex;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Ticks of one evaluation.
pub(super) const TICKS_MAX: u64 = 100_000;
/// Bytes that cost one tick when they are read or copied.
pub(super) const BYTES_PER_TICK: u64 = 256;
/// Bytes of text times KiB of pattern that cost one tick: then all ticks together are about a second of the regular
/// expressions' slow path, measured in a release build.
const PATTERN_BYTES_PER_TICK: u64 = 100;
/// The second wall. Generous, so that a busy machine does not change a verdict.
const TIME_MAX: Duration = Duration::from_secs(10);

struct Meter {
    ticks_left: u64,
    /// Set once, when the budget is spent. From then on every tick says no.
    over: bool,
    end: Instant,
    patterns: Arc<[(Regex, usize)]>,
}

thread_local! {
    static METER: RefCell<Option<Meter>> = const { RefCell::new(None) };
}

/// Evaluates under a fresh meter; `None` if the budget was spent. The patterns are what `__matches` refers to.
pub(super) fn metered<T>(patterns: &Arc<[(Regex, usize)]>, evaluate: impl FnOnce() -> T) -> Option<T> {
    let meter = Meter {
        ticks_left: TICKS_MAX,
        over: false,
        end: Instant::now() + TIME_MAX,
        patterns: Arc::clone(patterns),
    };
    METER.with_borrow_mut(|current| *current = Some(meter));
    let result = evaluate();
    let over = METER.take().is_none_or(|meter| meter.over);
    (!over).then_some(result)
}

/// Takes ticks. False once the budget is spent; it must be a value and not an error, because `||` swallows errors.
pub(super) fn tick(ticks: u64) -> bool {
    METER.with_borrow_mut(|meter| {
        let Some(meter) = meter else { return false };
        meter.over |= meter.ticks_left < ticks || Instant::now() > meter.end;
        if !meter.over {
            meter.ticks_left -= ticks;
        }
        !meter.over
    })
}

/// Takes ticks for bytes about to be read or copied.
pub(super) fn charge(bytes: u64) -> Result<(), ExecutionError> {
    if tick(bytes / BYTES_PER_TICK) {
        return Ok(());
    }
    Err(ExecutionError::function_error("charge", "the budget is spent"))
}

/// Bytes that may still be read or copied.
pub(super) fn bytes_left() -> u64 {
    METER.with_borrow(|meter| {
        meter.as_ref().map_or(0, |meter| meter.ticks_left.saturating_mul(BYTES_PER_TICK))
    })
}

/// Whether a text matches a pattern of the rule, paid for by the sizes of both.
pub(super) fn matches(pattern: usize, text: &str) -> Result<bool, ExecutionError> {
    let patterns = METER.with_borrow(|meter| meter.as_ref().map(|meter| Arc::clone(&meter.patterns)));
    let Some((regex, kib)) = patterns.as_ref().and_then(|patterns| patterns.get(pattern)) else {
        return Err(ExecutionError::function_error("matches", "there is no such pattern"));
    };
    charge((text.len() as u64 * *kib as u64) / PATTERN_BYTES_PER_TICK * BYTES_PER_TICK)?;
    Ok(regex.is_match(text))
}
