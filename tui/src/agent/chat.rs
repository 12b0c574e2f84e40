//! Chat agents on the command line: a definition from flags, and the key from its file. The key is never printed.

use crate::cli::{ChatArgs, KindArg};
use crate::credential::read_private;
use crate::fault::Fault;
use crate::input;
use guildhall_protocol::agent::limits::DESCRIPTION_BYTES_MAX;
use guildhall_protocol::agent::{AgentDefinition, AgentKey, AgentKind, AgentName, Chat};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::json::Json;
use serde_json::json;
use std::path::Path;

/// Where the text of an answer is that has no schema.
const TEXT_POINTER: &str = "/text";

/// A new chat agent.
pub(super) fn define(name: &AgentName, args: &ChatArgs) -> Result<AgentDefinition, Fault> {
    let KindArg::Chat = args.kind;
    let (Some(base_url), Some(model), Some(prompt_file)) = (&args.base_url, &args.model, &args.prompt_file)
    else {
        let given = [
            ("--base-url", args.base_url.is_some()),
            ("--model", args.model.is_some()),
            ("--prompt-file", args.prompt_file.is_some()),
        ];
        let missing = given.iter().filter(|(_, given)| !given).map(|(flag, _)| *flag);
        let missing = missing.collect::<Vec<_>>().join(", ");
        return Err(Fault::Input(format!("a chat agent needs {missing} too; other agents need --file")));
    };
    let chat = Chat { model: model.clone(), prompt: input::read(prompt_file)? };
    let said = json!({
        "name": name,
        "description": first_line(&chat.prompt),
        "endpoint": trimmed(base_url),
        "kind": AgentKind::Chat,
        "chat": chat,
        "display": TEXT_POINTER,
    });
    let definition = serde_json::from_value(said)
        .map_err(|error| Fault::Input(format!("this is no definition of an agent: {error}")))?;
    said_beside(definition, args)
}

/// A chat agent that is there, with what the flags change.
pub(super) fn change(definition: AgentDefinition, args: &ChatArgs) -> Result<AgentDefinition, Fault> {
    let mut definition = definition;
    let name = definition.name.clone();
    let other = || Fault::Input(format!("{name} is no chat agent: change it with --file"));
    let chat = definition.chat.as_mut().ok_or_else(other)?;
    if let Some(model) = &args.model {
        chat.model = model.clone();
    }
    if let Some(prompt_file) = &args.prompt_file {
        chat.prompt = input::read(prompt_file)?;
    }
    if let Some(base_url) = &args.base_url {
        definition.endpoint = trimmed(base_url);
    }
    said_beside(definition, args)
}

/// What the flags say that new agents and changed ones have in common.
fn said_beside(mut definition: AgentDefinition, args: &ChatArgs) -> Result<AgentDefinition, Fault> {
    if let Some(file) = &args.output_schema {
        let schema = input::read(file)?;
        let schema = Json::from_text(schema.trim().to_owned())
            .map_err(|error| Fault::Input(format!("{} is not JSON: {error}", input::shown(file))))?;
        definition.output_schema = Some(schema);
        // Where the text was that there is no more.
        definition.display.take_if(|display| display == TEXT_POINTER);
    }
    if let Some(description) = &args.description {
        definition.description.clone_from(description);
    }
    if !args.tag.is_empty() {
        definition.tags.clone_from(&args.tag);
    }
    Ok(definition)
}

fn trimmed(base_url: &str) -> String {
    base_url.trim().trim_end_matches('/').to_owned()
}

fn first_line(prompt: &str) -> String {
    let line = prompt.lines().map(clean_line).find(|line| !line.is_empty()).unwrap_or_default();
    line[..line.floor_char_boundary(DESCRIPTION_BYTES_MAX)].to_owned()
}

/// The key in a file that nobody else can read. No complaint quotes what is in it.
pub(super) fn read_key(file: &str) -> Result<AgentKey, Fault> {
    let text = read_private(Path::new(file), "key")?;
    text.parse().map_err(|error| Fault::Input(format!("the key file {file} holds no key: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_read_from_a_private_file_only() {
        let folder = std::env::temp_dir().join(format!("guildhall-key-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("key");
        let path = file.to_str().expect("a path");
        let write = |text: &[u8], mode| {
            std::fs::write(&file, text).expect("a file");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
        };
        write(b"sk-one\n", 0o600);
        assert_eq!(read_key(path).expect("a key").reveal(), "sk-one");
        for (text, mode, expected) in [
            (b"sk-one".as_slice(), 0o640, "mode 640"),
            (b"sk-one", 0o604, "chmod 600"),
            (b"sk one", 0o600, "holds no key"),
            (b"\xff", 0o600, "holds no key"),
        ] {
            write(text, mode);
            let complaint = read_key(path).expect_err("no key").to_string();
            assert!(complaint.contains(expected) && !complaint.contains("one"), "{complaint}");
        }
        std::fs::remove_dir_all(&folder).expect("it goes away");
    }

    #[test]
    fn the_first_line_of_a_prompt_describes_the_agent() {
        assert_eq!(first_line("\n  \n# Turns  text\u{7} into verse.\nRhyme."), "# Turns text into verse.");
        assert_eq!(first_line(&"é".repeat(5_000)).len(), 4_000);
    }
}
