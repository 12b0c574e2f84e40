//! The keywords of JSON Schema 2020-12: what each holds, and which one a stranger probably meant.

/// What the value of a keyword holds, and how its schemas are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Nothing that is a schema.
    Plain,
    /// A schema applied to the same value.
    Same,
    /// A list of schemas applied to the same value.
    SameList,
    /// Named schemas applied to the same value.
    SameMap,
    /// Named schemas of which at most one is applied to a property.
    Property,
    /// A schema applied to the properties that no other takes.
    OtherProperties,
    /// A schema, or named ones, applied to properties beside the others.
    AnyProperty,
    /// Named schemas applied to properties beside the others.
    AnyPropertyMap,
    /// A schema applied to the items that no other takes.
    OtherItems,
    /// A list of schemas of which at most one is applied to an item.
    ItemList,
    /// A schema applied to items beside the others.
    AnyItem,
    /// Named schemas that apply only where a `$ref` points to them.
    Definitions,
    /// A schema that is never applied.
    Note,
}

/// Every keyword that means something.
const KEYWORDS: &[(&str, Holds)] = &[
    ("$anchor", Holds::Plain),
    ("$comment", Holds::Plain),
    ("$defs", Holds::Definitions),
    ("$id", Holds::Plain),
    ("$ref", Holds::Plain),
    ("$schema", Holds::Plain),
    ("$vocabulary", Holds::Plain),
    ("additionalProperties", Holds::OtherProperties),
    ("allOf", Holds::SameList),
    ("anyOf", Holds::SameList),
    ("const", Holds::Plain),
    ("contains", Holds::AnyItem),
    ("contentEncoding", Holds::Plain),
    ("contentMediaType", Holds::Plain),
    ("contentSchema", Holds::Note),
    ("default", Holds::Plain),
    ("definitions", Holds::Definitions),
    ("dependentRequired", Holds::Plain),
    ("dependentSchemas", Holds::SameMap),
    ("deprecated", Holds::Plain),
    ("description", Holds::Plain),
    ("discriminator", Holds::Plain),
    ("else", Holds::Same),
    ("enum", Holds::Plain),
    ("example", Holds::Plain),
    ("examples", Holds::Plain),
    ("exclusiveMaximum", Holds::Plain),
    ("exclusiveMinimum", Holds::Plain),
    ("format", Holds::Plain),
    ("if", Holds::Same),
    ("items", Holds::OtherItems),
    ("maxContains", Holds::Plain),
    ("maxItems", Holds::Plain),
    ("maxLength", Holds::Plain),
    ("maxProperties", Holds::Plain),
    ("maximum", Holds::Plain),
    ("minContains", Holds::Plain),
    ("minItems", Holds::Plain),
    ("minLength", Holds::Plain),
    ("minProperties", Holds::Plain),
    ("minimum", Holds::Plain),
    ("multipleOf", Holds::Plain),
    ("not", Holds::Same),
    ("oneOf", Holds::SameList),
    ("pattern", Holds::Plain),
    ("patternProperties", Holds::AnyPropertyMap),
    ("prefixItems", Holds::ItemList),
    ("properties", Holds::Property),
    ("propertyNames", Holds::AnyProperty),
    ("readOnly", Holds::Plain),
    ("required", Holds::Plain),
    ("then", Holds::Same),
    ("title", Holds::Plain),
    ("type", Holds::Plain),
    ("unevaluatedItems", Holds::AnyItem),
    ("unevaluatedProperties", Holds::AnyProperty),
    ("uniqueItems", Holds::Plain),
    ("writeOnly", Holds::Plain),
];

/// The names that `type` may hold.
pub(super) const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];

/// Keywords that change what a `$ref` means, or depend on how a value was reached: never supported.
pub(super) const UNSUPPORTED: &[&str] =
    &["$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"];

/// What a keyword holds, if it is known.
pub(super) fn holds(keyword: &str) -> Option<Holds> {
    KEYWORDS.binary_search_by_key(&keyword, |(name, _)| name).ok().map(|index| KEYWORDS[index].1)
}

/// The keyword that an unknown one was probably meant to be. Unknown keywords are legal, so only near misses count.
pub(super) fn meant(keyword: &str) -> Option<&'static str> {
    nearest(keyword, KEYWORDS.iter().map(|(name, _)| *name))
}

/// The nearest of some names, if it is near: one edit in a short name, two in a longer one, or another case.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    let lower = word.to_lowercase();
    let edits_max = if word.len() <= 4 { 1 } else { 2 };
    names
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .filter(|(edits, _)| *edits <= edits_max)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(KEYWORDS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(holds("properties"), Some(Holds::Property));
        assert_eq!(holds("propertys"), None);
    }

    #[test]
    fn near_misses_are_recognized_and_strangers_left_alone() {
        for (typo, name) in [("requred", "required"), ("propertys", "properties"), ("maxlength", "maxLength")]
        {
            assert_eq!(meant(typo), Some(name));
        }
        for other in ["x-order", "nullable", "unit", ""] {
            assert_eq!(meant(other), None, "{other}");
        }
    }
}
