//! A schema as a graph of parts and of who applies whom, and how much work that can be.
//!
//! The invariant: every schema that the validator can reach is a node, and every way to reach it an edge, so the bounds
//! computed here hold for the validator's work, stack and memory. It never follows anything out of the document, and
//! walks with a list instead of recursion wherever a stranger chooses the depth.

use super::error::SchemaError;
use super::keywords::{self, Holds};
use super::{SCHEMA_LIMITS as LIMITS, patterns};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The deepest JSON that is ever read (serde's limit), and with it the most steps down into a value.
pub(super) const INSTANCE_DEPTH_MAX: usize = 128;

/// What `unevaluated…` costs: its validator visits the neighbors of the keyword again to see what they took.
const UNEVALUATED_FACTOR: u64 = 3;

/// The parts of a schema. The first is the whole.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    /// Remarks for the author: probable typos.
    pub(super) warnings: Vec<String>,
}

/// One part, and the parts that it applies.
#[derive(Debug, Default)]
struct Node {
    pointer: String,
    /// Work of the part's own keywords for one value.
    weight: u64,
    /// How often `same` is visited: more than once with `unevaluated…`.
    factor: u64,
    /// Applied to the same value.
    same: Vec<usize>,
    /// At most one of these is applied to a property.
    property: Vec<usize>,
    /// Each of these may be applied to a property.
    properties: Vec<usize>,
    /// At most one of these is applied to an item.
    item: Vec<usize>,
    /// Each of these may be applied to an item.
    items: Vec<usize>,
}

impl Node {
    fn children(&self) -> impl Iterator<Item = usize> {
        [&self.same, &self.property, &self.properties, &self.item, &self.items].into_iter().flatten().copied()
    }
}

/// The parts found so far, and those still to be read.
struct Reading<'a> {
    root: &'a Value,
    graph: Graph,
    known: HashMap<*const Value, usize>,
    unread: Vec<(usize, &'a Value)>,
    patterns: patterns::Budget,
}

impl Graph {
    /// Reads a schema whose size and depth were checked.
    ///
    /// # Errors
    /// A reference that leaves the schema, leads nowhere or in circles; a pattern that can't be used.
    pub(super) fn read(root: &Value) -> Result<Self, SchemaError> {
        let mut reading = Reading {
            root,
            graph: Self::default(),
            known: HashMap::new(),
            unread: Vec::new(),
            patterns: patterns::Budget::default(),
        };
        reading.node(root, String::from("#"));
        while let Some((index, value)) = reading.unread.pop() {
            reading.read_node(index, value)?;
        }
        Ok(reading.graph)
    }

    /// Checks what can be checked without a value: no endless loop, no long chain, no explosion.
    ///
    /// # Errors
    /// The limit that is exceeded, and where.
    pub(super) fn check_limits(&self) -> Result<(), SchemaError> {
        self.chains()?;
        let cost = self.cost();
        if cost[0] > LIMITS.cost_max {
            // The deepest part that is too much by itself says more than the top.
            let worst = (0..cost.len()).filter(|&n| cost[n] > LIMITS.cost_max).min_by_key(|&n| cost[n]);
            return Err(SchemaError::TooCostly { at: self.nodes[worst.unwrap_or(0)].pointer.clone() });
        }
        Ok(())
    }

    /// The most work of the whole schema along one path down a value, by the value's depth. The last entry holds for
    /// everything deeper.
    pub(super) fn work_by_depth(&self) -> Vec<u64> {
        let order = self.same_first();
        let mut below = vec![0_u64; self.nodes.len()];
        let mut by_depth = Vec::new();
        for _ in 0..=INSTANCE_DEPTH_MAX {
            let mut as_object = vec![0_u64; self.nodes.len()];
            let mut as_array = as_object.clone();
            for &index in &order {
                let node = &self.nodes[index];
                let sum = |of: &[u64], parts: &[usize]| {
                    parts.iter().fold(0_u64, |sum, &part| sum.saturating_add(of[part]))
                };
                let most = |parts: &[usize]| parts.iter().map(|&part| below[part]).max().unwrap_or(0);
                let own =
                    |of: &[u64]| sum(of, &node.same).saturating_mul(node.factor).saturating_add(node.weight);
                as_object[index] = own(&as_object)
                    .saturating_add(most(&node.property))
                    .saturating_add(sum(&below, &node.properties));
                as_array[index] =
                    own(&as_array).saturating_add(most(&node.item)).saturating_add(sum(&below, &node.items));
            }
            let now: Vec<u64> = as_object.iter().zip(&as_array).map(|(a, b)| *a.max(b)).collect();
            if now == below {
                break;
            }
            by_depth.push(now[0]);
            below = now;
        }
        by_depth
    }

    /// Parts when every reference is replaced by what it points to; a part inside itself counts once.
    fn cost(&self) -> Vec<u64> {
        let mut cost = vec![1_u64; self.nodes.len()];
        for index in self.after_children(Node::children) {
            let node = &self.nodes[index];
            let same = node.same.iter().fold(0_u64, |sum, &part| sum.saturating_add(cost[part]));
            let all = node.children().fold(0_u64, |sum, part| sum.saturating_add(cost[part]));
            cost[index] = all.saturating_add(same.saturating_mul(node.factor - 1)).saturating_add(1);
        }
        cost
    }

    /// Refuses loops and long chains of parts that apply to the same value: the validator's stack grows with them.
    fn chains(&self) -> Result<(), SchemaError> {
        let mut length = vec![0_usize; self.nodes.len()];
        for index in self.same_first() {
            for &part in &self.nodes[index].same {
                // A part without a length yet comes later in an order that puts children first: it is in a loop.
                if length[part] == 0 {
                    return Err(SchemaError::EndlessRef { at: self.nodes[index].pointer.clone() });
                }
                length[index] = length[index].max(length[part]);
            }
            length[index] += 1;
        }
        match length.iter().position(|&length| length == LIMITS.chain_max + 1) {
            Some(index) => Err(SchemaError::ChainTooLong { at: self.nodes[index].pointer.clone() }),
            None => Ok(()),
        }
    }

    fn same_first(&self) -> Vec<usize> {
        self.after_children(|node| node.same.iter().copied())
    }

    /// All parts, each after its children, as far as loops allow.
    fn after_children<'a, I: Iterator<Item = usize> + 'a>(
        &'a self,
        children: impl Fn(&'a Node) -> I,
    ) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut seen = vec![false; self.nodes.len()];
        for start in 0..self.nodes.len() {
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            let mut path = vec![(start, children(&self.nodes[start]))];
            while let Some((index, rest)) = path.last_mut() {
                match rest.next() {
                    Some(child) if std::mem::replace(&mut seen[child], true) => {}
                    Some(child) => path.push((child, children(&self.nodes[child]))),
                    None => {
                        order.push(*index);
                        path.pop();
                    }
                }
            }
        }
        order
    }
}

impl<'a> Reading<'a> {
    /// The node of a part, made when it is new.
    fn node(&mut self, value: &'a Value, pointer: String) -> usize {
        let next = self.graph.nodes.len();
        let index = *self.known.entry(std::ptr::from_ref(value)).or_insert(next);
        if index == next {
            self.graph.nodes.push(Node { pointer, weight: 1, factor: 1, ..Node::default() });
            self.unread.push((index, value));
        }
        index
    }

    fn read_node(&mut self, index: usize, value: &'a Value) -> Result<(), SchemaError> {
        let pointer = self.graph.nodes[index].pointer.clone();
        let keywords = match value {
            Value::Object(keywords) => keywords,
            Value::Bool(_) => return Ok(()),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let problem = "a schema is an object, or true or false".to_owned();
                return Err(SchemaError::Invalid { at: pointer, problem });
            }
        };
        let mut node = Node { weight: weight(keywords), factor: 1, ..Node::default() };
        for (keyword, value) in keywords {
            self.read_keyword(&mut node, keyword, value, &join(&pointer, keyword))?;
        }
        node.pointer = pointer;
        self.graph.nodes[index] = node;
        Ok(())
    }

    fn read_keyword(
        &mut self,
        node: &mut Node,
        keyword: &str,
        value: &'a Value,
        at: &str,
    ) -> Result<(), SchemaError> {
        match (keyword, value) {
            ("$ref", Value::String(reference)) => {
                let (target, pointer) = resolve(self.root, reference, at)?;
                node.same.push(self.node(target, pointer));
            }
            ("pattern", Value::String(pattern)) => node.weight += self.patterns.admit(pattern, at)?,
            ("patternProperties", Value::Object(named)) => {
                for pattern in named.keys() {
                    node.weight += self.patterns.admit(pattern, &join(at, pattern))?;
                }
            }
            ("type", value) => check_type(value, at)?,
            ("unevaluatedItems" | "unevaluatedProperties", _) => node.factor = UNEVALUATED_FACTOR,
            _ => {}
        }
        match keywords::holds(keyword) {
            Some(holds) => self.read_parts(node, holds, value, at),
            None => {
                if let Some(meant) = keywords::meant(keyword) {
                    let warning = format!("{keyword:?} at {at} means nothing; did you mean {meant:?}?");
                    self.graph.warnings.push(warning);
                }
            }
        }
        Ok(())
    }

    fn read_parts(&mut self, node: &mut Node, holds: Holds, value: &'a Value, at: &str) {
        let parts: Vec<usize> = match (holds, value) {
            (Holds::Plain, _) => return,
            (
                Holds::SameMap | Holds::Property | Holds::AnyPropertyMap | Holds::Definitions,
                Value::Object(named),
            ) => named.iter().map(|(name, part)| self.node(part, join(at, name))).collect(),
            (Holds::SameList | Holds::ItemList, Value::Array(list)) => {
                list.iter().enumerate().map(|(i, part)| self.node(part, join(at, &i.to_string()))).collect()
            }
            // Anything else in the place of a list or a map of schemas is refused by the meta-schema.
            (
                Holds::SameMap
                | Holds::Property
                | Holds::AnyPropertyMap
                | Holds::Definitions
                | Holds::SameList
                | Holds::ItemList,
                _,
            ) => return,
            (
                Holds::Same
                | Holds::OtherProperties
                | Holds::AnyProperty
                | Holds::OtherItems
                | Holds::AnyItem
                | Holds::Note,
                part,
            ) => vec![self.node(part, at.to_owned())],
        };
        match holds {
            Holds::Same | Holds::SameList | Holds::SameMap => node.same.extend(parts),
            Holds::Property | Holds::OtherProperties => node.property.extend(parts),
            Holds::AnyProperty | Holds::AnyPropertyMap => node.properties.extend(parts),
            Holds::OtherItems | Holds::ItemList => node.item.extend(parts),
            Holds::AnyItem => node.items.extend(parts),
            // Nodes of their own, so that their typos are found; applied only where a `$ref` says so.
            Holds::Definitions | Holds::Note | Holds::Plain => {}
        }
    }
}

/// The part that a reference points to, and its pointer.
pub(super) fn resolve<'a>(
    root: &'a Value,
    reference: &str,
    at: &str,
) -> Result<(&'a Value, String), SchemaError> {
    let cut = || guildhall_protocol::clean::cut(reference, 80);
    let at = || at.to_owned();
    let Some(fragment) = reference.strip_prefix('#') else {
        return Err(SchemaError::RemoteRef { at: at(), reference: cut() });
    };
    let path =
        percent_decoded(fragment).ok_or_else(|| SchemaError::DanglingRef { at: at(), reference: cut() })?;
    match root.pointer(&path) {
        Some(target) => Ok((target, format!("#{path}"))),
        None => Err(SchemaError::DanglingRef { at: at(), reference: cut() }),
    }
}

/// Extends a pointer.
pub(super) fn join(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

fn percent_decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (pair, after) = rest.split_at_checked(2)?;
            bytes.push(hex::decode(pair).ok()?[0]);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Work of the keywords of one schema for one value, without its parts and patterns.
fn weight(keywords: &Map<String, Value>) -> u64 {
    let lists = ["enum", "const", "required", "properties", "dependentRequired"];
    let listed = |keyword: &str| match keywords.get(keyword) {
        Some(Value::Array(list)) => list.len(),
        Some(Value::Object(named)) => named.len(),
        _ => 0,
    };
    1 + (keywords.len() + lists.into_iter().map(listed).sum::<usize>()) as u64
}

fn check_type(value: &Value, at: &str) -> Result<(), SchemaError> {
    let names = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let wrong = names.iter().filter_map(Value::as_str).find(|name| !keywords::TYPES.contains(name));
    let Some(wrong) = wrong else {
        return Ok(());
    };
    let hint = match keywords::nearest(wrong, keywords::TYPES.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("types are {}", keywords::TYPES.join(", ")),
    };
    let problem = format!("there is no type {:?}; {hint}", guildhall_protocol::clean::cut(wrong, 40));
    Err(SchemaError::Invalid { at: at.to_owned(), problem })
}
