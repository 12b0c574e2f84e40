//! Samples whose work is more than one exchange: one counts for a while and reports how far it is, one asks what it was
//! not told.

use super::text::csv_rows;
use super::{Task, Work};
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// Largest limit that `@sieve` counts to.
const LIMIT_MAX: u64 = 20_000_000;
/// Parts of its work; it reports after each.
const PARTS: u64 = 5;

/// Counts the primes up to a limit, part by part.
pub(super) fn sieve(task: &Task<'_>) -> Work {
    let Some(limit) = task.input["limit"].as_u64().filter(|limit| *limit <= LIMIT_MAX) else {
        return Work::Declined(format!("the input needs a limit of at most {LIMIT_MAX}"));
    };
    Work::Later(Box::new(move |report| {
        let mut primes = 0;
        for part in 0..PARTS {
            let (from, to) = (limit * part / PARTS + 1, limit * (part + 1) / PARTS);
            primes += primes_between(from, to);
            report(format!("{primes} primes up to {to}, {} of {PARTS} parts done", part + 1));
        }
        json!({"limit": limit, "primes": primes})
    }))
}

/// The number of primes from `from` to `to`, both included: a sieve of this part by the primes up to its root.
fn primes_between(from: u64, to: u64) -> u64 {
    let from = from.max(2);
    if to < from {
        return 0;
    }
    let mut is_prime = vec![true; usize::try_from(to - from + 1).unwrap_or(0)];
    let mut divisor = 2;
    while divisor * divisor <= to {
        let first = (from.div_ceil(divisor) * divisor).max(divisor * divisor);
        let mut multiple = first;
        while multiple <= to {
            is_prime[usize::try_from(multiple - from).unwrap_or(0)] = false;
            multiple += divisor;
        }
        divisor += 1;
    }
    is_prime.iter().filter(|prime| **prime).count() as u64
}

/// Sorts a table by a column; asks which when it was not told.
pub(super) fn sorter(task: &Task<'_>) -> Work {
    let Some(csv) = task.input["csv"].as_str() else {
        return Work::Declined("there is no csv in the input".to_owned());
    };
    let mut rows = match csv_rows(csv) {
        Ok(rows) => rows,
        Err(why) => return Work::Declined(why),
    };
    let columns: Vec<String> =
        rows.first().and_then(Value::as_object).map(|row| row.keys().cloned().collect()).unwrap_or_default();
    let told = task.input["by"].as_str().or(task.reply.as_ref().and_then(Value::as_str));
    let Some(by) = told.filter(|by| columns.iter().any(|column| column == by)) else {
        let text = format!("By which column shall I sort: {}?", columns.join(", "));
        return Work::Question { text, schema: json!({"enum": columns}) };
    };
    rows.sort_by(|a, b| compare(a.as_object(), b.as_object(), by));
    Work::Output(json!({"rows": rows}))
}

fn compare(a: Option<&Map<String, Value>>, b: Option<&Map<String, Value>>, by: &str) -> Ordering {
    let (a, b) = (a.and_then(|row| row.get(by)), b.and_then(|row| row.get(by)));
    match (a.and_then(Value::as_f64), b.and_then(Value::as_f64)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.map(Value::to_string).cmp(&b.map(Value::to_string)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_counted() {
        assert_eq!(primes_between(1, 10), 4);
        assert_eq!(primes_between(11, 100), 21);
        assert_eq!(primes_between(1, 1), 0);
        assert_eq!(primes_between(900_001, 1_000_000), 7_224);
    }

    #[test]
    fn a_table_is_sorted_once_it_is_clear_how() {
        let csv = "item,price\nlamp,19.9\noil,6.5\n";
        let task = |reply: Option<Value>| Task { input: json!({"csv": csv}), findings: &[], reply };
        assert!(matches!(sorter(&task(None)), Work::Question { text, .. } if text.contains("item, price")));
        let Work::Output(output) = sorter(&task(Some(json!("price")))) else { panic!("it sorts") };
        assert_eq!(output["rows"][0]["item"], "oil");
    }
}
