//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};

/// The type of the format, as HTTP names it.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// What is exposed, family by family.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
}

impl Exposition {
    /// Begins a family: all its samples follow. `kind` is `gauge` or `counter`.
    pub(super) fn family<'a>(&'a mut self, name: &'a str, kind: &str, about: &str) -> Family<'a> {
        writeln!(self.text, "# HELP {name} {about}\n# TYPE {name} {kind}").expect("a string takes all");
        Family { text: &mut self.text, name }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// One metric with its samples.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Family<'_> {
    /// Adds a sample. Values of labels may hold anything.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.text.push_str(self.name);
        for (place, (label, held)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            write!(self.text, "{before}{label}=\"{}\"", escaped(held)).expect("a string takes all");
        }
        let after = if labels.is_empty() { "" } else { "}" };
        writeln!(self.text, "{after} {value}").expect("a string takes all");
        self
    }
}

/// A label's value between its quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_their_family() {
        let mut exposition = Exposition::default();
        exposition
            .family("jobs", "gauge", "Jobs.")
            .sample(&[("state", "open"), ("x", "y")], 3)
            .sample(&[], 4);
        exposition.family("none", "counter", "Nothing.");
        let expected = "\
# HELP jobs Jobs.
# TYPE jobs gauge
jobs{state=\"open\",x=\"y\"} 3
jobs 4
# HELP none Nothing.
# TYPE none counter
";
        assert_eq!(exposition.into_text(), expected);
    }

    #[test]
    fn no_value_of_a_label_ends_its_line_or_its_quotes() {
        let mut exposition = Exposition::default();
        exposition.family("m", "gauge", "M.").sample(&[("l", "a\"} 1\nb\\")], 0);
        let text = exposition.into_text();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.ends_with("m{l=\"a\\\"} 1\\nb\\\\\"} 0\n"), "{text}");
    }
}
