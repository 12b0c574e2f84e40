//! Conversion of units. Factors are exact by definition (NIST Special Publication 811, appendix B).

use super::Work;
use serde_json::{Value, json};

/// A unit, with factor and offset to the base unit of what it measures: `base = value * factor + offset`.
struct Unit {
    names: &'static [&'static str],
    measures: &'static str,
    imperial: bool,
    factor: f64,
    offset: f64,
}

const fn metric(names: &'static [&'static str], measures: &'static str, factor: f64) -> Unit {
    Unit { names, measures, imperial: false, factor, offset: 0.0 }
}

const fn imperial(names: &'static [&'static str], measures: &'static str, factor: f64) -> Unit {
    Unit { names, measures, imperial: true, factor, offset: 0.0 }
}

const UNITS: [Unit; 20] = [
    metric(&["mm"], "length", 0.001),
    metric(&["cm"], "length", 0.01),
    metric(&["m", "meter", "meters"], "length", 1.0),
    metric(&["km"], "length", 1000.0),
    metric(&["mg"], "mass", 1e-6),
    metric(&["g"], "mass", 0.001),
    metric(&["kg"], "mass", 1.0),
    metric(&["t"], "mass", 1000.0),
    metric(&["ml"], "volume", 0.001),
    metric(&["l"], "volume", 1.0),
    Unit { names: &["C"], measures: "temperature", imperial: false, factor: 1.0, offset: 273.15 },
    metric(&["K"], "temperature", 1.0),
    imperial(&["in", "inch", "inches"], "length", 0.0254),
    imperial(&["ft", "foot", "feet"], "length", 0.3048),
    imperial(&["yd", "yard", "yards"], "length", 0.9144),
    imperial(&["mi", "mile", "miles"], "length", 1609.344),
    imperial(&["lb", "pound", "pounds"], "mass", 0.453_592_37),
    imperial(&["oz", "ounce", "ounces"], "mass", 0.028_349_523_125),
    imperial(&["gal", "gallon", "gallons"], "volume", 3.785_411_784),
    Unit {
        names: &["F"],
        measures: "temperature",
        imperial: true,
        factor: 5.0 / 9.0,
        offset: 273.15 - 32.0 * 5.0 / 9.0,
    },
];

/// Which units an agent knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Knows {
    /// Metric ones.
    Metric,
    /// Imperial ones too.
    All,
}

/// `{value, from, to}` converted, or why not.
pub(super) fn convert(input: &Value, knows: Knows) -> Work {
    let (Some(value), Some(from), Some(to)) =
        (input["value"].as_f64(), input["from"].as_str(), input["to"].as_str())
    else {
        return Work::Declined("the input needs a value, from and to".to_owned());
    };
    let unit = |name: &str| {
        let unit = UNITS.iter().find(|unit| unit.names.contains(&name));
        unit.filter(|unit| knows == Knows::All || !unit.imperial)
            .ok_or_else(|| Work::Declined(format!("I don't know the unit {name}")))
    };
    let (source, target) = match (unit(from), unit(to)) {
        (Ok(source), Ok(target)) => (source, target),
        (Err(declined), _) | (_, Err(declined)) => return declined,
    };
    if source.measures != target.measures {
        let (source, target) = (source.measures, target.measures);
        return Work::Declined(format!("{from} measures {source}, {to} measures {target}"));
    }
    let base = value * source.factor + source.offset;
    let converted = (base - target.offset) / target.factor;
    // Nine digits are more than any measurement has, and hide what binary fractions add.
    let rounded = format!("{converted:.9}").parse().unwrap_or(converted);
    Work::Output(json!({"value": rounded, "unit": to}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_converted_or_declined() {
        let check = |value: f64, from: &str, to: &str, knows: Knows| match convert(
            &json!({"value": value, "from": from, "to": to}),
            knows,
        ) {
            Work::Output(output) => output["value"].to_string(),
            Work::Declined(reason) => reason,
            Work::Question { text, .. } => text,
            Work::Later(_) => "later".to_owned(),
        };
        assert_eq!(check(1.5, "km", "m", Knows::Metric), "1500.0");
        assert_eq!(check(26.2, "mi", "km", Knows::All), "42.1648128");
        assert_eq!(check(212.0, "F", "C", Knows::All), "100.0");
        assert_eq!(check(26.2, "mi", "km", Knows::Metric), "I don't know the unit mi");
        assert_eq!(check(1.0, "kg", "m", Knows::All), "kg measures mass, m measures length");
    }
}
