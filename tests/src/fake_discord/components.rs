//! What components and modals may be, and where to find them in a message.

use super::limits::{list, required, text};
use super::refused::Refused;
use serde_json::Value;
use std::collections::BTreeSet;

const ROWS_MAX: usize = 5;
const BUTTONS_MAX: usize = 5;
const OPTIONS_MAX: usize = 25;
const V2_COMPONENTS_MAX: usize = 40;

pub(super) const ROW: u64 = 1;
pub(super) const BUTTON: u64 = 2;
pub(super) const TEXT_SELECT: u64 = 3;
pub(super) const TEXT_INPUT: u64 = 4;
pub(super) const ROLE_SELECT: u64 = 6;
pub(super) const CHANNEL_SELECT: u64 = 8;
pub(super) const LABEL: u64 = 18;
/// The style of a button that only leads to a web page.
pub(super) const LINK: u64 = 5;

/// Checks the components of a message.
pub(super) fn check(components: &Value, v2: bool, at: &str) -> Result<(), Refused> {
    let rows = list(components, at, if v2 { V2_COMPONENTS_MAX } else { ROWS_MAX })?;
    let mut ids = BTreeSet::new();
    for (number, row) in rows.iter().enumerate() {
        let at = format!("{at}.{number}");
        match row["type"].as_u64() {
            Some(ROW) => check_row(row, &at, &mut ids)?,
            Some(9..=14 | 17) if v2 => {}
            Some(_) => {
                return Err(Refused::form(
                    &format!("{at}.type"),
                    "UNION_TYPE_CHOICES",
                    "Value of field \"type\" must be 1",
                ));
            }
            None => return Err(Refused::required(&format!("{at}.type"))),
        }
    }
    if v2 && all(components).len() > V2_COMPONENTS_MAX {
        return Err(Refused::form(at, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "More than 40 components."));
    }
    Ok(())
}

/// Checks a modal, the data of an answer of type 9.
pub(super) fn check_modal(modal: &Value) -> Result<(), Refused> {
    required(modal, "custom_id", "data.custom_id", 1, 100)?;
    required(modal, "title", "data.title", 1, 45)?;
    let rows = list(&modal["components"], "data.components", 5)?;
    if rows.is_empty() {
        let said = "Must be between 1 and 5 in length.";
        return Err(Refused::form("data.components", "BASE_TYPE_BAD_LENGTH", said));
    }
    let mut ids = BTreeSet::new();
    for (number, row) in rows.iter().enumerate() {
        let at = format!("data.components.{number}");
        match row["type"].as_u64() {
            Some(ROW) => {
                let inner = list(&row["components"], &format!("{at}.components"), 1)?;
                let [input] = inner else { return Err(Refused::required(&format!("{at}.components"))) };
                let at = format!("{at}.components.0");
                if input["type"] != TEXT_INPUT {
                    let said = "Value of field \"type\" must be 4";
                    return Err(Refused::form(&format!("{at}.type"), "UNION_TYPE_CHOICES", said));
                }
                required(input, "label", &format!("{at}.label"), 1, 45)?;
                check_input(input, &at, &mut ids)?;
            }
            Some(LABEL) => {
                required(row, "label", &format!("{at}.label"), 1, 45)?;
                text(row, "description", &format!("{at}.description"), 0, 100)?;
                let at = format!("{at}.component");
                match row["component"]["type"].as_u64() {
                    Some(TEXT_INPUT) => check_input(&row["component"], &at, &mut ids)?,
                    Some(TEXT_SELECT) => check_select(&row["component"], &at, &mut ids)?,
                    Some(5..=8 | 19 | 21..=23) => check_id(&row["component"], &at, &mut ids)?,
                    _ => return Err(Refused::required(&format!("{at}.type"))),
                }
            }
            Some(10) => {}
            _ => {
                let said = "Value of field \"type\" must be one of (1, 10, 18)";
                return Err(Refused::form(&format!("{at}.type"), "UNION_TYPE_CHOICES", said));
            }
        }
    }
    Ok(())
}

/// Checks the choices that complete an option.
pub(super) fn check_choices(choices: &Value) -> Result<(), Refused> {
    for (number, choice) in list(choices, "data.choices", OPTIONS_MAX)?.iter().enumerate() {
        let at = format!("data.choices.{number}");
        required(choice, "name", &format!("{at}.name"), 1, 100)?;
        if !choice["value"].is_number() {
            required(choice, "value", &format!("{at}.value"), 1, 100)?;
        }
    }
    Ok(())
}

/// Every component of a message, nested ones too, in the order in which people see them.
pub(super) fn all(components: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for component in components.as_array().into_iter().flatten() {
        found.push(component);
        found.extend(all(&component["components"]));
        found.extend(component.get("accessory"));
        found.extend(component.get("component"));
    }
    found
}

fn check_row(row: &Value, at: &str, ids: &mut BTreeSet<String>) -> Result<(), Refused> {
    let at = format!("{at}.components");
    let inner = list(&row["components"], &at, BUTTONS_MAX)?;
    if inner.is_empty() {
        let said = "Must be between 1 and 5 in length.";
        return Err(Refused::form(&at, "BASE_TYPE_BAD_LENGTH", said));
    }
    for (number, component) in inner.iter().enumerate() {
        let at = format!("{at}.{number}");
        match component["type"].as_u64() {
            Some(BUTTON) => check_button(component, &at, ids)?,
            Some(TEXT_SELECT..=8) if inner.len() > 1 => {
                let said = "The specified component exceeds the maximum width";
                return Err(Refused::form(&at, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", said));
            }
            Some(TEXT_SELECT) => check_select(component, &at, ids)?,
            Some(5..=8) => check_native(component, &at, ids)?,
            _ => {
                let said = "Value of field \"type\" must be one of (2, 3, 5, 6, 7, 8)";
                return Err(Refused::form(&format!("{at}.type"), "UNION_TYPE_CHOICES", said));
            }
        }
    }
    Ok(())
}

fn check_button(button: &Value, at: &str, ids: &mut BTreeSet<String>) -> Result<(), Refused> {
    text(button, "label", &format!("{at}.label"), 0, 80)?;
    match button["style"].as_u64() {
        Some(1..=4) => check_id(button, at, ids)?,
        Some(LINK) if button["url"].is_string() && button["custom_id"].is_null() => {}
        Some(LINK) => return Err(Refused::required(&format!("{at}.url"))),
        _ => {
            let said = "Value must be one of {1, 2, 3, 4, 5, 6}.";
            return Err(Refused::form(&format!("{at}.style"), "BASE_TYPE_CHOICES", said));
        }
    }
    let named = button["label"].as_str().is_some_and(|label| !label.trim().is_empty());
    if !named && button["emoji"].is_null() {
        let said = "A button needs a label or an emoji";
        return Err(Refused::form(&format!("{at}.label"), "BUTTON_COMPONENT_LABEL_REQUIRED", said));
    }
    Ok(())
}

fn check_select(select: &Value, at: &str, ids: &mut BTreeSet<String>) -> Result<(), Refused> {
    check_id(select, at, ids)?;
    text(select, "placeholder", &format!("{at}.placeholder"), 0, 150)?;
    let options = list(&select["options"], &format!("{at}.options"), OPTIONS_MAX)?;
    if options.is_empty() {
        return Err(Refused::required(&format!("{at}.options")));
    }
    let mut values = BTreeSet::new();
    for (number, option) in options.iter().enumerate() {
        let at = format!("{at}.options.{number}");
        required(option, "label", &format!("{at}.label"), 1, 100)?;
        required(option, "value", &format!("{at}.value"), 1, 100)?;
        text(option, "description", &format!("{at}.description"), 0, 100)?;
        if !values.insert(option["value"].as_str().unwrap_or_default()) {
            let said = "The specified option value is already used";
            return Err(Refused::form(
                &format!("{at}.value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                said,
            ));
        }
    }
    let most = select["max_values"].as_u64().unwrap_or(1);
    let least = select["min_values"].as_u64().unwrap_or(1);
    if most == 0 || most > options.len() as u64 || least > most {
        let said = "The values do not fit the number of options";
        return Err(Refused::form(&format!("{at}.max_values"), "NUMBER_TYPE_MAX", said));
    }
    Ok(())
}

/// A list that Discord fills itself.
fn check_native(select: &Value, at: &str, ids: &mut BTreeSet<String>) -> Result<(), Refused> {
    check_id(select, at, ids)?;
    text(select, "placeholder", &format!("{at}.placeholder"), 0, 150)?;
    let most = select["max_values"].as_u64().unwrap_or(1);
    let least = select["min_values"].as_u64().unwrap_or(1);
    if most == 0 || most > OPTIONS_MAX as u64 || least > most {
        let said = "int value should be between 1 and 25.";
        return Err(Refused::form(&format!("{at}.max_values"), "NUMBER_TYPE_MAX", said));
    }
    if !select["options"].is_null() {
        let said = "only lists of texts have options of their own";
        return Err(Refused::form(&format!("{at}.options"), "COMPONENT_OPTIONS_INVALID", said));
    }
    Ok(())
}

fn check_input(input: &Value, at: &str, ids: &mut BTreeSet<String>) -> Result<(), Refused> {
    check_id(input, at, ids)?;
    text(input, "placeholder", &format!("{at}.placeholder"), 0, 100)?;
    if !matches!(input["style"].as_u64(), Some(1 | 2)) {
        let said = "Value must be one of {1, 2}.";
        return Err(Refused::form(&format!("{at}.style"), "BASE_TYPE_CHOICES", said));
    }
    let least = input["min_length"].as_u64().unwrap_or(0);
    let most = input["max_length"].as_u64().unwrap_or(4_000);
    if most == 0 || most > 4_000 || least > most {
        let said = "int value should be between 1 and 4000.";
        return Err(Refused::form(&format!("{at}.max_length"), "NUMBER_TYPE_MAX", said));
    }
    let most = usize::try_from(most).unwrap_or(4_000);
    text(input, "value", &format!("{at}.value"), 0, most).map(drop)
}

fn check_id(component: &Value, at: &str, ids: &mut BTreeSet<String>) -> Result<(), Refused> {
    let at = format!("{at}.custom_id");
    required(component, "custom_id", &at, 1, 100)?;
    if !ids.insert(component["custom_id"].as_str().unwrap_or_default().to_owned()) {
        let said = "Component custom id cannot be duplicated";
        return Err(Refused::form(&at, "COMPONENT_CUSTOM_ID_DUPLICATED", said));
    }
    Ok(())
}
