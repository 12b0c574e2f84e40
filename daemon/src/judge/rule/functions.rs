//! What a rule may name: variables, types and functions. An allow-list, so that a new version of the library adds
//! nothing by itself; and the functions that the [fence](super::fence) puts into a rule.

use super::meter;
use crate::judge::plain;
use cel::common::types::{
    CelBool, CelBytes, CelInt, CelList, CelMap, CelString, DYN_TYPE, INT_TYPE, STRING_TYPE,
};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};
use std::sync::{Arc, LazyLock};

/// The variables of a rule.
pub const VARIABLES: &[&str] = &["input", "output"];

/// Types that a rule may compare with, as in `type(output.n) == int`.
pub(super) const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// The functions of a rule. `words`, `lines` and `lower` are ours, and so is the meaning of a word: a run of anything
/// but white space. `has`, `all`, `exists`, `exists_one`, `map` and `filter` are macros and gone after parsing.
pub const FUNCTIONS: &[&str] = &[
    "bool",
    "bytes",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "int",
    "lines",
    "lower",
    "matches",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
    "words",
];

/// Macros, named in messages.
pub const MACROS: &[&str] = &["all", "exists", "exists_one", "filter", "has", "map"];

/// One tick of a loop.
pub(super) const TICK: &str = "__tick";
/// Its argument, paid for.
pub(super) const CHARGE: &str = "__charge";
/// Its argument, paid for, as a list in a fixed order.
pub(super) const RANGE: &str = "__range";
/// Whether a text matches a pattern of the rule, by the pattern's number.
pub(super) const MATCHES: &str = "__matches";

/// The environment that all rules share.
pub(super) fn env() -> Arc<Env> {
    static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(make_env()));
    Arc::clone(&ENV)
}

fn make_env() -> Env {
    let mut env = Env::stdlib().with_optional_support(false);
    env.add_overload(TICK, "guildhall_tick", vec![], |_| Ok(CowVal::owned(CelBool::from(meter::tick(1)))))
        .and_then(|()| env.add_overload(CHARGE, "guildhall_charge", vec![DYN_TYPE], charge))
        .and_then(|()| env.add_overload(RANGE, "guildhall_range", vec![DYN_TYPE], range))
        .and_then(|()| {
            env.add_overload(MATCHES, "guildhall_matches", vec![STRING_TYPE, INT_TYPE], |args| matches(&args))
        })
        .and_then(|()| {
            env.add_overload("words", "guildhall_words", vec![STRING_TYPE], |args| count(&args, plain::words))
        })
        .and_then(|()| {
            env.add_overload("lines", "guildhall_lines", vec![STRING_TYPE], |args| count(&args, plain::lines))
        })
        .and_then(|()| env.add_overload("lower", "guildhall_lower", vec![STRING_TYPE], |args| lower(&args)))
        .expect("the names are new to the library");
    env
}

fn charge<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = args.pop().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    meter::charge(bytes(&*value))?;
    Ok(value)
}

/// Maps are hash maps, whose order differs from run to run; a rule must not depend on it.
fn range<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = charge(args)?;
    let mut keys: Vec<Box<dyn Val + 'v>> = {
        let Some(mut iter) = value.downcast_ref::<CelMap>().and(value.as_iterable()).map(|map| map.iter())
        else {
            return Ok(value);
        };
        let mut keys = Vec::new();
        while let Some(key) = iter.next() {
            keys.push(key.clone_as_boxed());
        }
        keys
    };
    keys.sort_by_cached_key(|key| format!("{key:?}"));
    Ok(CowVal::owned(CelList::from(keys)))
}

fn matches<'b, 'v>(args: &[CowVal<'b, 'v>]) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let pattern = args.get(1).and_then(|arg| arg.downcast_ref::<CelInt>());
    let pattern = pattern.and_then(|index| usize::try_from(*index.inner()).ok());
    let pattern = pattern.ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let matched = meter::matches(pattern, text(args)?)?;
    Ok(CowVal::owned(CelBool::from(matched)))
}

fn count<'b, 'v>(
    args: &[CowVal<'b, 'v>],
    counted: fn(&str) -> usize,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let count = i64::try_from(counted(text(args)?)).unwrap_or(i64::MAX);
    Ok(CowVal::owned(CelInt::from(count)))
}

fn lower<'b, 'v>(args: &[CowVal<'b, 'v>]) -> Result<CowVal<'b, 'v>, ExecutionError> {
    Ok(CowVal::owned(CelString::from(text(args)?.to_lowercase())))
}

fn text<'a>(args: &'a [CowVal<'_, '_>]) -> Result<&'a str, ExecutionError> {
    let text = args.first().and_then(|arg| arg.downcast_ref::<CelString>());
    text.map(CelString::inner).ok_or(ExecutionError::MissingArgumentOrTarget)
}

/// Roughly the bytes of a value, or any number above what may still be spent: measuring costs too.
fn bytes(value: &dyn Val) -> u64 {
    const NODE_BYTES: u64 = 16;
    let most = meter::bytes_left();
    let mut sum = 0;
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        sum += NODE_BYTES;
        if let Some(text) = value.downcast_ref::<CelString>() {
            sum += text.inner().len() as u64;
        } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
            sum += bytes.inner().len() as u64;
        } else if let Some(list) = value.downcast_ref::<CelList>() {
            waiting.extend(list.inner().iter().map(|item| &**item));
        } else if let Some(map) = value.downcast_ref::<CelMap>() {
            sum += 2 * NODE_BYTES * map.inner().len() as u64;
            waiting.extend(map.inner().values().map(|item| &**item));
        }
        if sum > most.saturating_add(meter::BYTES_PER_TICK) {
            break;
        }
    }
    sum
}
