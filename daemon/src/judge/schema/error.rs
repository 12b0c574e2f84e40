//! Why a schema is refused, in words for the person who wrote it.

use super::SCHEMA_LIMITS as LIMITS;

/// Why a schema is refused: what is wrong, where (a JSON pointer, `#` is the top), what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Its compact JSON is too long.
    #[error("the schema has {bytes} bytes, at most {} are allowed; shorten descriptions or long lists", LIMITS.bytes_max)]
    TooBig {
        /// Bytes of its compact JSON.
        bytes: usize,
    },
    /// Its JSON nests too deep.
    #[error("the schema nests {depth} levels deep, at most {} are allowed; move inner parts to $defs", LIMITS.depth_max)]
    TooDeep {
        /// Levels of nesting.
        depth: usize,
    },
    /// Following every `$ref` gives too much.
    #[error(
        "the schema grows to more than {} parts when its $refs are followed, starting at {at}; refer to the same part less often",
        LIMITS.cost_max
    )]
    TooCostly {
        /// Where it starts to be too much.
        at: String,
    },
    /// Too many schemas apply to one and the same value.
    #[error(
        "a value would be checked by more than {} schemas inside one another, starting at {at}; flatten the chain of $ref, allOf, anyOf, oneOf",
        LIMITS.chain_max
    )]
    ChainTooLong {
        /// The first schema of the chain.
        at: String,
    },
    /// A schema that applies itself to the same value.
    #[error("the $ref at {at} leads back to itself without going into a property or an item; remove it")]
    EndlessRef {
        /// A schema of the loop.
        at: String,
    },
    /// A `$ref` that leaves the schema.
    #[error(
        "the $ref {reference:?} at {at} leaves the schema; only pointers into it such as \"#/$defs/name\" are followed, so copy that part into $defs"
    )]
    RemoteRef {
        /// Where.
        at: String,
        /// The reference, cut.
        reference: String,
    },
    /// A `$ref` to nothing.
    #[error("the $ref {reference:?} at {at} points to nothing; check the name under $defs")]
    DanglingRef {
        /// Where.
        at: String,
        /// The reference, cut.
        reference: String,
    },
    /// A dialect that is not spoken.
    #[error(
        "the $schema {found:?} at {at} is not JSON Schema 2020-12; write \"https://json-schema.org/draft/2020-12/schema\" or leave it out"
    )]
    ForeignDialect {
        /// Where.
        at: String,
        /// What it says, cut.
        found: String,
    },
    /// A keyword that is not supported because it changes what references mean.
    #[error("{keyword:?} at {at} is not supported; use $defs and $ref with pointers instead")]
    Unsupported {
        /// Where.
        at: String,
        /// The keyword.
        keyword: String,
    },
    /// A regular expression that can't be used.
    #[error("the pattern at {at} can't be used: {problem}")]
    Pattern {
        /// Where.
        at: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// All patterns together are too big.
    #[error("the patterns of the schema need more than {} bytes together; use shorter repetitions such as {{1,20}}", LIMITS.patterns_bytes_max)]
    PatternsTooBig,
    /// It is no JSON Schema.
    #[error("this is not a JSON Schema: {problem}, at {at}")]
    Invalid {
        /// Where.
        at: String,
        /// What is wrong.
        problem: String,
    },
}
