//! Rules as strangers write them: honest, mistaken and hostile.

use super::*;
use crate::judge::pool::on_big_stack;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

fn compiled(source: &str) -> Rule {
    Rule::compile(source).unwrap_or_else(|error| panic!("{source} was refused: {error}"))
}

fn verdict(source: &str, output: &Json) -> RuleVerdict {
    compiled(source).check(&json!({"n": 3, "list": ["a", "b"], "text": "Hello there"}), output, None)
}

fn fails(source: &str, output: &Json, part: &str) {
    match verdict(source, output) {
        RuleVerdict::Fail { reason } => assert!(reason.contains(part), "{source}: {reason:?} lacks {part:?}"),
        other @ (RuleVerdict::Pass | RuleVerdict::Abstain { .. }) => panic!("{source}: {other:?}"),
    }
}

fn refused(source: &str, parts: &[&str]) {
    let error = Rule::compile(source).expect_err(source).to_string();
    for part in parts {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
}

#[test]
fn rules_mean_what_they_say() {
    on_big_stack(|| {
        let output = json!({
            "n": 4, "f": 0.5, "big": 18_446_744_073_709_551_615_u64, "s": "Total: 12", "none": null, "ok": true,
            "rows": [{"price": 2.5, "name": "x"}, {"price": 3, "name": "y"}], "map": {"b": 1, "a": 2}
        });
        for source in [
            "output.n == input.n + 1",
            "output.f < 1.0",
            "output.f * 2.0 == 1.0",
            "double(output.n) * output.f == 2.0",
            "output.n > 3.5",
            "output.big > 5",
            "output.none == null",
            "output.ok",
            "type(output.n) == int",
            "size(output.rows) == 2 && output.rows.all(r, r.price > 0)",
            "output.rows.exists(r, r.name == 'y')",
            "output.rows.exists_one(r, r.name == 'y')",
            "output.rows.map(r, r.name) == ['x', 'y']",
            "output.rows.filter(r, r.price > 2.7).size() == 1",
            "!has(output.missing) && has(output.s)",
            "output.s.matches('^Total: [0-9]+$')",
            "matches(output.s, '12') && !output.s.matches('13')",
            "output.s.startsWith('Total') && output.s.endsWith('12') && output.s.contains(':')",
            "words(output.s) == 2 && lines(output.s) == 1 && lower(output.s) == 'total: 12'",
            "output.map.map(k, k) == ['a', 'b']",
            "'a' in output.map && !('c' in input.list)",
            "int('7') == 7 && string(7) == '7' && [1, 2][1] == 2 && {'k': 1}.k == 1",
            "timestamp('2026-11-23T00:00:00Z') < timestamp('2026-11-24T00:00:00Z')",
            "timestamp('2026-11-23T00:00:00Z').getFullYear() == 2026 && duration('60s') == duration('1m')",
            "output.rows.all(r, output.rows.exists(q, q.name == r.name))",
            "output.n > 100 ? false : true",
            "true",
            "max(1) == 1 || true ? true : false",
        ] {
            if source.starts_with("max(") {
                refused(source, &["no function \"max\""]);
                continue;
            }
            assert_eq!(verdict(source, &output), RuleVerdict::Pass, "{source}");
        }
    });
}

#[test]
fn what_is_not_met_says_why_and_shows_no_values() {
    on_big_stack(|| {
        let output = json!({"n": 4, "f": 0.5, "s": "secret", "rows": []});
        fails("output.n > 5", &output, "it is not so");
        fails("output.n + 1", &output, "type int, not true or false");
        fails("output.total > 1", &output, "there is no \"total\"; has(...)");
        fails("output.f * 2 > 1.0", &output, "does not work on");
        fails("output.s + 1 == 'x'", &output, "does not work on");
        fails("output.s < 1", &output, "does not work");
        fails("output.n / 0 == 1", &output, "divides by zero");
        fails("output.rows[0] == 1", &output, "shorter than the rule expects");
        fails("9223372036854775807 + output.n > 1", &output, "grows too large");
        fails("output.n.matches('x')", &output, "does not work");
        fails("output.n == 4", &json!("just text"), "does not work");
        fails("output.all(x, x > 1)", &json!(7), "does not work on this answer");
        fails("max 1 word", &json!("two words"), "2 words, at most 1");
        for source in [
            "output.s + 1 == 'x'",
            "output.s < 1",
            "output[output.s] == 1",
            "int(output.s) == 1",
            "-output.s == 1",
            "timestamp(output.s) == 1",
        ] {
            match verdict(source, &output) {
                RuleVerdict::Fail { reason } => {
                    assert!(!reason.contains("secret"), "{reason}");
                }
                other @ (RuleVerdict::Pass | RuleVerdict::Abstain { .. }) => panic!("{source}: {other:?}"),
            }
        }
    });
}

#[test]
fn mistakes_are_found_when_the_rule_is_stored() {
    on_big_stack(|| {
        refused("", &["empty", "max 200 words"]);
        refused(
            "the answer is nice",
            &["can't be read at line 1, column 5", "plain words", "max 200 words", "size(output.items)"],
        );
        refused("output.a = 1", &["can't be read", "=="]);
        refused("output.a > 1 and output.b", &["&&"]);
        refused("max 200 pages", &["\"pages\" can't be counted", "max 200 words"]);
        refused("answer.n == 1", &["no \"answer\" (line 1, column 1)", "input and output"]);
        refused(
            "output.n == 1 &&\n  foo(output)",
            &["no function \"foo\"", "line 2, column", "startsWith", "exists"],
        );
        refused("output.all(x)", &["no function \"all\""]);
        refused("output.all(x, y > x)", &["no \"y\""]);
        refused("output.all(x, x > 1) && x", &["no \"x\""]);
        refused("output.s.matches(output.pattern)", &["without a quoted pattern"]);
        refused("output.s.matches('(')", &["pattern at line 1", "not a regular expression"]);
        refused("output.s.matches('(?=a)')", &["look-around"]);
        refused("output.s.matches('(((a{99}){99}){99})')", &["too big"]);
        refused("google.Type{a: 1} == 1", &["message literal"]);
        refused("__tick() && output.n", &["no function \"__tick\""]);
        refused("output.all(__x, true)", &["two underscores"]);
        refused("output.?a == 1", &["can't be read"]);
        refused("optional.of(1) == 1", &["no "]);
    });
}

#[test]
fn limits_are_named_when_they_are_exceeded() {
    on_big_stack(|| {
        refused(&format!("output == '{}'", "x".repeat(5000)), &["5012 bytes", "at most 4096"]);
        refused(&vec!["output.n"; 300].join("+"), &["more than"]);
        refused(&vec!["1"; 200].join("+"), &["more than 120 levels"]);
        refused(&vec!["1"; 2000].join("+"), &["more than"]);
        refused(&format!("[{}] == []", vec!["1"; 600].join(",")), &["more than 500 parts"]);
        refused(&format!("{}1{} == 1", "(".repeat(100), ")".repeat(100)), &["more than 64 brackets"]);
        refused(&format!("{}1{}", "[".repeat(2000), "]".repeat(2000)), &["more than"]);
        refused(
            "output.all(a, output.all(b, output.all(c, a + b == c)))",
            &["more than 2 loops inside one another"],
        );
    });
}

/// Each of these would run for seconds, or eat the memory, without the fence.
#[test]
fn bombs_abstain() {
    on_big_stack(|| {
        let numbers: Vec<u32> = (0..1000).collect();
        let output =
            json!({"big": numbers, "text": "x".repeat(900_000), "row": {"a": numbers, "b": numbers}});
        let add = vec!["output.text"; 100].join(" + ");
        let copies = vec!["output"; 100].join(", ");
        let doubling =
            |start: &str, step: &str, times: usize| format!("size({start}{}) > 0", step.repeat(times));
        for source in [
            "output.big.map(a, output.big.map(b, 1)).size() > 0",
            "output.big.all(a, output.big.all(b, a + b >= 0))",
            "output.big.exists(a, output.big.exists(b, a + b < 0)) || true",
            "output.big.all(a, output.text.matches('(x+x+)+y') || true)",
            "output.big.all(a, output.text.contains('y') || true)",
            "output.big.all(a, output == output)",
            "output.big.map(a, output.row).size() == 1000",
            "output.big.all(a, words(output.text) == 1)",
            "output.big.all(a, lower(output.text) != '')",
            "output.big.exists_one(a, output.big.exists_one(b, b == a)) || true",
            "output.text.matches('[01]*1[01]{500}x') || true",
            &doubling("['0123456789']", ".map(a, a + a)", 24),
            &doubling("[[1]]", ".map(a, [a, a])", 22),
            &doubling("[1]", ".map(a, {'x': a, 'y': a})", 22),
            &format!("size({add}) > 0"),
            &format!("size([{copies}]) > 0"),
        ] {
            let rule = match Rule::compile(source) {
                Ok(rule) => rule,
                Err(RuleError::TooComplex { .. }) => continue,
                Err(error) => panic!("{source}: {error}"),
            };
            match rule.check(&json!({}), &output, None) {
                RuleVerdict::Abstain { reason } => {
                    assert!(reason.contains("more than 100000 steps"), "{reason}");
                }
                other @ (RuleVerdict::Pass | RuleVerdict::Fail { .. }) => panic!("{source}: {other:?}"),
            }
        }
        let large = compiled("size(output) > 0").check(&json!({}), &json!("x".repeat(2 << 20)), None);
        assert!(
            matches!(large, RuleVerdict::Abstain { reason } if reason.contains("larger than 1048576 bytes"))
        );
        // What the rule does not use does not count.
        let large = compiled("input.n == 1").check(&json!({"n": 1}), &json!("x".repeat(2 << 20)), None);
        assert_eq!(large, RuleVerdict::Pass);
    });
}

#[test]
fn honest_rules_on_large_answers_are_within_the_budget() {
    on_big_stack(|| {
        let rows: Vec<Json> = (0..10_000).map(|n| json!({"id": n, "name": "a name", "price": 1.5})).collect();
        let output = json!({"rows": rows, "text": "word ".repeat(50_000)});
        for source in [
            "output.rows.all(r, r.price > 0.0 && size(r.name) > 1)",
            "output.rows.filter(r, r.id > 5000).size() == 4999",
            "words(output.text) == 50000",
            "output.text.matches('word word')",
        ] {
            assert_eq!(verdict(source, &output), RuleVerdict::Pass, "{source}");
        }
    });
}

#[test]
fn a_deep_answer_fits_the_stack() {
    on_big_stack(|| {
        let deep = (0..127).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(
            verdict("output == output && size(output) == 1 && size([output, output]) == 2", &deep),
            RuleVerdict::Pass
        );
    });
}

/// Joins random tokens or shapes; half of it parses.
fn random_source(rng: &mut ChaCha8Rng, depth: usize) -> String {
    const LEAVES: &[&str] = &[
        "1",
        "0",
        "-1",
        "2.5",
        "7u",
        "'a'",
        "\"é\"",
        "true",
        "null",
        "input",
        "output",
        "output.a",
        "input.b",
        "x",
        "[]",
        "{}",
        "b'a'",
        "9223372036854775807",
        "output[0]",
        "int",
        "r'\\d'",
        "(",
        "'",
        "output.?a",
    ];
    const BINARY: &[&str] = &["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "in", "?"];
    let leaf = |rng: &mut ChaCha8Rng| {
        // The last three do not parse, and are rare.
        let choices = if rng.random_range(0..9) > 0 { LEAVES.len() - 3 } else { LEAVES.len() };
        LEAVES[rng.random_range(0..choices)].to_owned()
    };
    if depth == 0 {
        return leaf(rng);
    }
    let part = |rng: &mut ChaCha8Rng| random_source(rng, depth - 1);
    match rng.random_range(0..12) {
        0..=2 => {
            format!("({} {} {})", part(rng), BINARY[rng.random_range(0..BINARY.len() - 1)], part(rng))
        }
        3 => format!("{}({})", FUNCTIONS[rng.random_range(0..FUNCTIONS.len())], part(rng)),
        4 => format!("{}.{}({})", part(rng), FUNCTIONS[rng.random_range(0..FUNCTIONS.len())], part(rng)),
        5 => format!("{}.{}(x, {})", part(rng), MACROS[rng.random_range(0..5)], part(rng)),
        6 => format!("({} ? {} : {})", part(rng), part(rng), part(rng)),
        7 => format!("[{}, {}]", part(rng), part(rng)),
        8 => format!("{{{}: {}}}", part(rng), part(rng)),
        9 => format!("!{}", part(rng)),
        10 => format!("{}[{}]", part(rng), part(rng)),
        _ => leaf(rng),
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a failing random test must say its seed")]
fn random_rules_never_panic_and_always_judge_alike() {
    on_big_stack(|| {
        let seed = 20_261_124;
        eprintln!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let input = json!({"a": [1, "two", null], "b": {"x": 1, "y": 2, "z": 3}});
        let output = json!({"a": {"k": -5, "l": 0.5, "m": true}, "b": "text"});
        let mut compiled = 0;
        for _ in 0..1700 {
            let source = random_source(&mut rng, 3);
            let Ok(once) = Rule::compile(&source) else { continue };
            compiled += 1;
            let again = Rule::compile(&source).expect("it compiled before");
            let verdicts = [&once, &again].map(|rule| rule.check(&input, &output, Some("/b")));
            assert_eq!(verdicts[0], verdicts[1], "seed {seed}: {source}");
        }
        assert!(compiled > 200, "only {compiled} random rules compile; seed {seed}");
    });
}

#[test]
fn kept_rules_are_few_and_mean_what_they_meant() {
    on_big_stack(|| {
        for _ in 0..2 {
            for number in 0..2 * KEPT_MAX {
                let output = json!({"n": number});
                assert_eq!(verdict(&format!("output.n == {number}"), &output), RuleVerdict::Pass);
                fails(&format!("output.n != {number}"), &output, "it is not so");
                refused(&format!("output.n == {number} &&"), &["line 1"]);
                assert!(KEPT.with_borrow(HashMap::len) <= KEPT_MAX);
            }
        }
        compiled("output.text.matches('^a+$')");
        assert!(!KEPT.with_borrow(|kept| kept.contains_key("output.text.matches('^a+$')")));
    });
}
