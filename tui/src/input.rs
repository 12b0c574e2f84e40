//! Files, standard input and inline text as arguments.

use crate::fault::Fault;
use guildhall_protocol::json::Json;
use serde::de::DeserializeOwned;
use std::io::Read;

/// Largest file or standard input, bytes.
const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The text of a file; `-` is standard input.
pub(crate) fn read(name: &str) -> Result<String, Fault> {
    let failed = |error| Fault::Io(format!("cannot read {}", shown(name)), error);
    let mut text = String::new();
    let source: Box<dyn Read> = if name == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(name).map_err(failed)?)
    };
    source.take(INPUT_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > INPUT_BYTES_MAX {
        return Err(Fault::Input(format!("{} is larger than {INPUT_BYTES_MAX} bytes", shown(name))));
    }
    Ok(text)
}

/// A file as JSON of a type, with the place of a mistake.
pub(crate) fn read_as<T: DeserializeOwned>(name: &str) -> Result<T, Fault> {
    parse(&read(name)?, &shown(name))
}

/// Any JSON: of a file, of standard input (`-`), or inline if it begins like a document.
pub(crate) fn json(argument: &str) -> Result<Json, Fault> {
    let inline = argument.trim_start().starts_with(['{', '[', '"']);
    let (text, name) = if inline {
        (argument.to_owned(), "the argument".to_owned())
    } else {
        (read(argument).map_err(|fault| no_document(argument, fault))?, shown(argument))
    };
    Json::from_text(text.trim().to_owned()).map_err(|error| wrong(&name, &error))
}

fn no_document(argument: &str, fault: Fault) -> Fault {
    if let Fault::Io(_, error) = &fault
        && error.kind() == std::io::ErrorKind::NotFound
    {
        return Fault::Input(format!(
            "there is no file {argument}\n  a document can stand here itself: it begins with {{, [ or \""
        ));
    }
    fault
}

/// JSON of a type, with the place of a mistake.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| wrong(name, &error))
}

fn wrong(name: &str, error: &serde_json::Error) -> Fault {
    let what = if error.is_data() { "does not fit" } else { "is not JSON" };
    Fault::Input(format!("{name} {what}: {error}"))
}

/// What a file is called in complaints.
pub(crate) fn shown(name: &str) -> String {
    if name == "-" { "standard input".to_owned() } else { name.to_owned() }
}
