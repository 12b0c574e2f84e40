//! How big a JSON value is, measured without recursion, before anything that recurses touches it.

use serde_json::Value;

/// The size of a JSON value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Values in it, itself included.
    pub nodes: u64,
    /// Bytes of its strings and property names, without quotes and escapes.
    pub text_bytes: u64,
    /// Levels of nesting; a scalar has 0.
    pub depth: usize,
}

impl Size {
    /// Measures a value of any depth.
    pub fn of(value: &Value) -> Self {
        let mut size = Self::default();
        let mut waiting = vec![(value, 0)];
        while let Some((value, depth)) = waiting.pop() {
            size.nodes += 1;
            size.depth = size.depth.max(depth);
            match value {
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
                Value::String(text) => size.text_bytes += text.len() as u64,
                Value::Array(items) => waiting.extend(items.iter().map(|item| (item, depth + 1))),
                Value::Object(fields) => {
                    size.text_bytes += fields.keys().map(|key| key.len() as u64).sum::<u64>();
                    waiting.extend(fields.values().map(|field| (field, depth + 1)));
                }
            }
        }
        size
    }

    /// Roughly the bytes of its compact JSON.
    pub fn bytes(&self) -> u64 {
        self.text_bytes + 4 * self.nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_counts_once() {
        assert_eq!(Size::of(&json!(null)), Size { nodes: 1, text_bytes: 0, depth: 0 });
        let value = json!({"ab": [1, "xyz"], "c": {}});
        assert_eq!(Size::of(&value), Size { nodes: 5, text_bytes: 6, depth: 2 });
    }
}
