//! Schemas as strangers write them: honest, mistaken and hostile.

use super::*;
use crate::judge::pool::on_big_stack;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn compiled(schema: &Value) -> Schema {
    Schema::compile(schema).unwrap_or_else(|error| panic!("{schema} was refused: {error}"))
}

/// The messages for a value, one line each, `path: message`; empty if it fits.
fn wrong(schema: &Value, instance: &Value) -> Vec<String> {
    match compiled(schema).check(instance) {
        SchemaVerdict::Pass => Vec::new(),
        SchemaVerdict::Fail(violations) => {
            assert!(!violations.is_empty() && violations.len() <= SCHEMA_LIMITS.violations_max);
            violations.into_iter().map(|v| format!("{}: {}", v.instance_path, v.message)).collect()
        }
        SchemaVerdict::TooMuchWork { work, work_max } => panic!("{work} of {work_max} is too much work"),
    }
}

fn refused(schema: &Value, parts: &[&str]) {
    let error = Schema::compile(schema).expect_err("it is refused").to_string();
    for part in parts {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
}

/// `n` definitions, each made from the pointer to the next, and a last one that takes strings.
fn chain(n: usize, part: impl Fn(&Value) -> Value) -> Value {
    let mut defs = serde_json::Map::new();
    for i in 0..n {
        defs.insert(format!("d{i}"), part(&json!({"$ref": format!("#/$defs/d{}", i + 1)})));
    }
    defs.insert(format!("d{n}"), json!({"type": "string"}));
    json!({"$ref": "#/$defs/d0", "$defs": defs})
}

/// `levels` lists inside one another.
fn nested_lists(levels: usize) -> Value {
    (0..levels).fold(json!(0), |inner, _| Value::Array(vec![inner]))
}

#[test]
fn a_value_fits_or_is_told_why_not() {
    on_big_stack(|| {
        let schema = json!({
            "type": "object", "required": ["name", "age"], "additionalProperties": false,
            "properties": {
                "name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 0},
                "mail": {"type": "string", "format": "email"}, "kind": {"enum": ["cat", "dog"]},
                "tags": {"type": "array", "items": {"type": ["string", "null"]}, "maxItems": 2},
                "id": {"pattern": "^[a-z]+$"}, "unit": {"anyOf": [{"type": "number"}, {"const": "none"}]},
            }
        });
        assert_eq!(wrong(&schema, &json!({"name": "Ada", "age": 3})), Vec::<String>::new());
        let table = [
            (json!({"name": "Ada"}), ": the property \"age\" is missing"),
            (json!({"name": "Ada", "age": 3, "x\u{1b}": 1}), "these properties are not allowed: \"x"),
            (json!({"name": 7, "age": 3}), "/name: expected string, found a number"),
            (json!({"name": "Ada", "age": 1.5}), "/age: expected integer, found a number with a fraction"),
            (json!({"name": "Ada", "age": -3}), "/age: a number is less than the minimum of 0"),
            (json!({"name": "A", "age": 3}), "/name: a string is shorter than 2 characters"),
            (json!({"name": "Ada", "age": 3, "mail": "secret"}), "/mail: the text is not a valid \"email\""),
            (json!({"name": "Ada", "age": 3, "kind": "secret"}), "/kind: expected one of [\"cat\",\"dog\"]"),
            (
                json!({"name": "Ada", "age": 3, "tags": ["a", 1]}),
                "/tags/1: expected null or string, found a number",
            ),
            (
                json!({"name": "Ada", "age": 3, "tags": [null, "b", "c"]}),
                "/tags: an array has more than 2 items",
            ),
            (
                json!({"name": "Ada", "age": 3, "id": "SECRET"}),
                "/id: the text does not match the pattern ^[a-z]+$",
            ),
            (
                json!({"name": "Ada", "age": 3, "unit": "secret"}),
                "/unit: none of the 2 alternatives fits: 1) expected number, found a string; 2) expected \"none\"",
            ),
        ];
        for (instance, part) in table {
            let found = wrong(&schema, &instance);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(part), "{found:?} lacks {part:?}");
            assert!(!found[0].to_lowercase().contains("secret") && !found[0].contains('\u{1b}'), "{found:?}");
        }
        let many = json!({"type": "array", "items": {"type": "string"}});
        assert_eq!(wrong(&many, &json!(vec![1; 500])).len(), SCHEMA_LIMITS.violations_max);
    });
}

#[test]
fn what_is_no_schema_is_refused_with_place_and_remedy() {
    on_big_stack(|| {
        let at_x = |part: Value| json!({"properties": {"x": part}});
        refused(&json!("x"), &["not a JSON Schema", "an object, or true or false", "at #"]);
        refused(
            &at_x(json!({"type": "strin"})),
            &["no type \"strin\"", "mean \"string\"", "#/properties/x/type"],
        );
        refused(&at_x(json!({"type": "text/plain"})), &["types are array, boolean"]);
        refused(
            &at_x(json!({"minLength": "2"})),
            &["not a JSON Schema", "#/properties/x/minLength", "expected integer"],
        );
        refused(&at_x(json!({"properties": []})), &["not a JSON Schema", "#/properties/x/properties"]);
        refused(
            &at_x(json!({"$ref": "https://evil.example/s.json"})),
            &["leaves the schema", "#/properties/x/$ref", "$defs"],
        );
        refused(&at_x(json!({"$ref": "file:///etc/passwd"})), &["leaves the schema"]);
        refused(
            &json!({"$defs": {"unused": {"$ref": "other.json"}}}),
            &["leaves the schema", "#/$defs/unused/$ref"],
        );
        refused(&at_x(json!({"$ref": "#/$defs/gone"})), &["points to nothing", "#/$defs/gone"]);
        refused(&json!({"$id": "https://a.example/b", "$ref": "b#/$defs/x"}), &["leaves the schema"]);
        refused(&json!({"$defs": {"a": {"$id": "c"}}}), &["\"$id\"", "#/$defs/a", "not supported"]);
        refused(&json!({"$dynamicRef": "#x"}), &["$dynamicRef", "not supported"]);
        refused(
            &json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
            &["draft-07", "not JSON Schema 2020-12", "leave it out"],
        );
        refused(&json!({"$ref": "#"}), &["leads back to itself"]);
        refused(&json!({"allOf": [{"not": {"$ref": "#"}}]}), &["leads back to itself"]);
    });
}

#[test]
fn limits_are_named_when_they_are_exceeded() {
    on_big_stack(|| {
        refused(&json!({"description": "x".repeat(40_000)}), &["40018 bytes", "at most 32768"]);
        let deep = (0..20).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
        refused(&deep, &["nests 40 levels", "at most 32", "$defs"]);
        let bottomless = (0..5_000).fold(json!({}), |inner, _| Value::Array(vec![inner]));
        refused(&bottomless, &["nests 5000 levels"]);
        refused(
            &chain(40, |next| json!({"allOf": [next]})),
            &["more than 32 schemas inside one another", "#/$defs/d"],
        );
        for keyword in ["allOf", "anyOf", "oneOf"] {
            refused(
                &chain(15, |next| json!({keyword: [next, next]})),
                &["more than 10000 parts", "#/$defs/d"],
            );
        }
        refused(
            &chain(400, |next| json!({"properties": {"a": next, "b": next}})),
            &["more than 10000 parts"],
        );
        refused(
            &chain(14, |next| json!({"allOf": [next], "unevaluatedProperties": false})),
            &["more than 10000 parts"],
        );
    });
}

#[test]
fn patterns_are_linear_and_small() {
    on_big_stack(|| {
        let pattern = |pattern: &str| json!({"properties": {"x": {"pattern": pattern}}});
        refused(&pattern("(?=a)b"), &["#/properties/x/pattern", "look-around", "allOf"]);
        refused(&pattern("(?<!a)b"), &["look-around"]);
        refused(&pattern("(a)\\1"), &["back-references"]);
        refused(&pattern("["), &["not a regular expression"]);
        refused(&pattern("(((a{100}){100}){100}){100}"), &["more than 256 KiB"]);
        refused(
            &json!({"patternProperties": {"(?!a)b": {}}}),
            &["#/patternProperties/(?!a)b", "look-around"],
        );
        let many: Vec<Value> = (0..20).map(|i| json!({"pattern": format!("x{i}.{{1,150}}")})).collect();
        refused(&json!({"allOf": many}), &["patterns of the schema need more than"]);
        // Catastrophic for a backtracking engine, harmless for ours.
        let bomb = pattern("^(a+)+$");
        assert_eq!(wrong(&bomb, &json!({"x": format!("{}b", "a".repeat(100_000))})).len(), 1);
        assert_eq!(wrong(&pattern("^\\d{3}-\\w+$"), &json!({"x": "123-abc"})).len(), 0);
    });
}

#[test]
fn work_is_counted_before_it_is_done() {
    on_big_stack(|| {
        // Each level of the value doubles the ways to come there.
        let doubling =
            json!({"anyOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}], "type": "array"});
        let schema = compiled(&doubling);
        assert!(
            matches!(schema.check(&nested_lists(100)), SchemaVerdict::TooMuchWork { work, work_max } if work > work_max)
        );
        assert!(matches!(schema.check(&nested_lists(5)), SchemaVerdict::Fail(_)));
        // The largest cost that is admitted on a large value.
        let wide = compiled(&chain(11, |next| json!({"anyOf": [next, next]})));
        assert!(matches!(wide.check(&json!(vec![0; 100_000])), SchemaVerdict::TooMuchWork { .. }));
        assert!(matches!(wide.check(&json!(7)), SchemaVerdict::Fail(_)));
        // Errors of alternatives copy the value; the text in it counts.
        let copying = json!({"anyOf": vec![json!({"type": "string"}); 1000]});
        assert!(matches!(
            compiled(&copying).check(&json!(["x".repeat(1 << 20)])),
            SchemaVerdict::TooMuchWork { .. }
        ));
        // A big honest value against an honest schema is no problem, nor is a big wrong one.
        let honest = json!({"type": "array", "items": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}, "s": {"type": "string"}}}});
        let rows = |n: Value| json!(vec![json!({"n": n, "s": "some text"}); 20_000]);
        assert_eq!(compiled(&honest).check(&rows(json!(1))), SchemaVerdict::Pass);
        assert!(matches!(compiled(&honest).check(&rows(json!("1"))), SchemaVerdict::Fail(_)));
    });
}

#[test]
fn deep_values_and_long_chains_fit_the_stack() {
    on_big_stack(|| {
        assert_eq!(wrong(&json!({}), &nested_lists(127)).len(), 0);
        let tree = json!({"$defs": {"t": {"oneOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/$defs/t"}}]}}, "$ref": "#/$defs/t"});
        assert_eq!(wrong(&tree, &nested_lists(127)).len(), 0);
        // The longest chain per level, on the deepest value.
        let mut schema = chain(28, |next| json!({"allOf": [next]}));
        schema["$defs"]["d28"] = json!({"type": ["array", "integer"], "items": {"$ref": "#"}});
        refused(&schema, &["inside one another"]);
        let mut schema = chain(14, |next| json!({"allOf": [next]}));
        schema["$defs"]["d14"] = json!({"type": ["array", "integer"], "items": {"$ref": "#"}});
        assert_eq!(wrong(&schema, &nested_lists(127)).len(), 0);
        // The longest chain that the size admits, one level down each.
        let schema = compiled(&chain(700, |next| json!({"items": next})));
        assert_eq!(schema.check(&nested_lists(127)), SchemaVerdict::Pass);
        assert!(matches!(compiled(&json!({})).check(&nested_lists(2000)), SchemaVerdict::TooMuchWork { .. }));
    });
}

#[test]
fn honest_recursive_schemas_stay_cheap() {
    on_big_stack(|| {
        let json_value = json!({"anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "array", "items": {"$ref": "#"}},
            {"type": "object", "additionalProperties": {"$ref": "#"}}
        ]});
        let tree = json!({"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}});
        let value = (0..20).fold(json!({}), |inner, _| json!({"left": {}, "right": inner}));
        for schema in [json_value, tree] {
            assert_eq!(compiled(&schema).check(&value), SchemaVerdict::Pass, "{schema}");
        }
    });
}

#[test]
fn typos_are_remarks_and_not_errors() {
    on_big_stack(|| {
        let schema = compiled(&json!({
            "requred": ["a"], "x-order": 1,
            "properties": {"requird": {"type": "string", "maxLenght": 3, "format": "date"}},
            "$defs": {"unused": {"titel": "x"}}, "examples": [{"requred": 1}]
        }));
        let warnings = schema.warnings().join("\n");
        for part in
            ["did you mean \"required\"?", "\"maxLenght\" at #/properties/requird/maxLenght", "\"title\""]
        {
            assert!(warnings.contains(part), "{warnings}");
        }
        assert_eq!(schema.warnings().len(), 3, "{warnings}");
    });
}

#[test]
fn picking_learns_what_an_agent_takes() {
    on_big_stack(|| {
        let schema = compiled(&json!({
            "$ref": "#/$defs/In",
            "$defs": {"In": {"required": ["text"], "properties": {"text": {"type": "string", "description": "what to translate"}, "to": {}}}}
        }));
        assert_eq!(schema.properties(), ["text what to translate", "to"]);
        assert!(schema.accepts_text());
        assert!(compiled(&json!({})).accepts_text());
        assert!(!compiled(&json!({"required": ["url"]})).accepts_text());
        assert!(!compiled(&json!(false)).accepts_text());
    });
}

/// A random schema, sometimes nonsense.
fn random_schema(rng: &mut ChaCha8Rng, depth: usize) -> Value {
    let part = |rng: &mut ChaCha8Rng| random_schema(rng, depth.saturating_sub(1));
    if depth == 0 {
        return json!({"type": (["string", "array", "object", "intege", "integer"][rng.random_range(0..5)])});
    }
    match rng.random_range(0..16) {
        0 => json!({"items": part(rng), "minItems": rng.random_range(-1..3)}),
        1 => json!({"properties": {"a": part(rng), "b": part(rng)}, "required": ["a"]}),
        2 => json!({"anyOf": [part(rng), part(rng)], "unevaluatedProperties": false}),
        3 => json!({"allOf": [part(rng), part(rng)]}),
        4 => json!({"oneOf": [part(rng), part(rng)], "unevaluatedItems": part(rng)}),
        5 => json!({"$ref": (["#", "#/a", "#/properties/a", "#/items", "x"][rng.random_range(0..5)])}),
        6 => json!({"items": {"$ref": "#"}, "prefixItems": [part(rng)]}),
        7 => json!({"additionalProperties": {"$ref": "#"}, "patternProperties": {"^a|b*": part(rng)}}),
        8 => json!({"not": part(rng), "contains": part(rng)}),
        9 => json!({"if": part(rng), "then": part(rng), "else": part(rng)}),
        10 => json!({"propertyNames": part(rng), "dependentSchemas": {"a": part(rng)}}),
        11 => json!({"multipleOf": rng.random::<f64>(), "maximum": rng.random::<i64>()}),
        12 => json!({"pattern": (["(a|b)+", "\\p{L}{2,9}", "[", "(?=x)"][rng.random_range(0..4)])}),
        13 => json!({"format": (["date", "regex", "uri", "idn-hostname", "email"][rng.random_range(0..5)])}),
        14 => json!({"enum": [1, "a", [], {}], "uniqueItems": true}),
        _ => [json!(true), json!(false), json!(7)][rng.random_range(0..3)].clone(),
    }
}

/// A random value of the names that the random schemas use.
fn random_value(rng: &mut ChaCha8Rng, depth: usize) -> Value {
    match rng.random_range(0..if depth == 0 { 4 } else { 6 }) {
        0 => json!(rng.random::<f64>() * 1e300),
        1 => json!(rng.random_range(-3..3)),
        2 => json!(["", "ab", "2026-11-23", "(", "é@ü.de"][rng.random_range(0..5)]),
        3 => json!(null),
        4 => (0..rng.random_range(0..4)).map(|_| random_value(rng, depth - 1)).collect(),
        _ => json!({"a": random_value(rng, depth - 1), "b": random_value(rng, depth - 1)}),
    }
}

#[test]
fn random_schemas_never_panic_and_always_judge_alike() {
    on_big_stack(|| {
        let seed = 20_261_123;
        println_seed(seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut compiled = 0;
        for _ in 0..300 {
            let schema = random_schema(&mut rng, 4);
            let Ok(once) = Schema::compile(&schema) else { continue };
            compiled += 1;
            let again = Schema::compile(&schema).expect("it compiled before");
            for _ in 0..3 {
                let value = random_value(&mut rng, 4);
                assert_eq!(once.check(&value), again.check(&value), "seed {seed}: {schema} on {value}");
            }
        }
        assert!(compiled > 50, "only {compiled} random schemas compile; seed {seed}");
    });
}

/// The seed, shown by the test runner when the test fails.
#[expect(clippy::print_stderr, reason = "a failing random test must say its seed")]
fn println_seed(seed: u64) {
    eprintln!("seed {seed}");
}
