//! Forms of agents: registering one, its secrets, new versions.

use super::Desk;
use super::forms::{fills, form, to};
use crate::dash::msg::{Msg, Outcome};
use crate::dash::overlay::Deed;
use crate::dash::screen::Screen;
use guildhall_protocol::agent::{AgentKey, AgentKind, AgentName};
use guildhall_protocol::view::{Registered, Secrets, Updated};

fn writes_an_agent(desk: &mut Desk) {
    desk.goes(Screen::Agents);
    desk.presses(&["R"]);
    desk.sees("Register an agent");
    fills(desk, "name", "@poet");
    fills(desk, "description", "Writes verse.");
    fills(desk, "endpoint", "https://api.example/v1");
    fills(desk, "skills", "rhyme: finds words");
}

#[test]
fn an_agent_is_registered_and_its_secrets_are_shown_once() {
    let mut desk = Desk::new(120, 36);
    writes_an_agent(&mut desk);
    desk.presses(&["ctrl-s"]);
    let (number, deed) = desk.deeds[0].clone();
    let Deed::Register { definition, options, .. } = deed else { panic!("{deed:?}") };
    assert_eq!((definition.name.to_string().as_str(), definition.kind), ("@poet", AgentKind::Native));
    assert_eq!(definition.skills[0].description, "finds words");
    assert!(definition.idempotent && !options.house && options.api_key.is_none());
    let secrets =
        Secrets { delivery_secret: "whsec_one".to_owned(), callback_secret: "whsec_two".to_owned() };
    let registered = Registered {
        id: guildhall_protocol::ids::AgentId(9),
        version: guildhall_protocol::ids::AgentVersion(1),
        secrets: Some(secrets),
        warnings: vec!["the schema\u{1b}[2J admits anything".to_owned()],
    };
    let name: AgentName = "@poet".parse().expect("a name");
    desk.meets(Msg::Done { number, outcome: Outcome::Registered(Ok((name, registered))) });
    desk.sees("delivery  whsec_one");
    desk.sees("Warning: the schema[2J admits anything");
    desk.presses(&["q", "x", "enter"]);
    desk.sees("whsec_two");
    desk.presses(&["y", "esc"]);
    assert!(desk.copied[0].contains("callback  whsec_two"));
    assert!(!desk.text().contains("whsec"), "{}", desk.text());
    desk.presses(&["L"]);
    assert!(!desk.text().contains("whsec"), "the log of orders keeps no secrets");
}

#[test]
fn a_chat_agent_wants_a_model_and_its_key_is_kept_nowhere() {
    let mut desk = Desk::new(120, 36);
    writes_an_agent(&mut desk);
    to(&mut desk, "kind");
    desk.presses(&["c", "ctrl-s"]);
    assert!(desk.deeds.is_empty());
    assert_eq!(form(&desk).fields[form(&desk).focus].key, "chat.model");
    fills(&mut desk, "chat.model", "small-1");
    fills(&mut desk, "chat.prompt", "Write verse.");
    fills(&mut desk, "api_key", "sk-secret");
    assert!(!desk.text().contains("sk-secret"), "{}", desk.text());
    desk.presses(&["esc"]);
    assert!(desk.kept.iter().all(|(_, text)| !text.as_deref().unwrap_or_default().contains("sk-secret")));
    desk.presses(&["R"]);
    fills(&mut desk, "api_key", "sk-secret");
    desk.presses(&["ctrl-s"]);
    let Deed::Register { definition, options, .. } = &desk.deeds[0].1 else { panic!("{:?}", desk.deeds) };
    assert_eq!(definition.chat.as_ref().map(|chat| chat.prompt.as_str()), Some("Write verse."));
    assert_eq!(options.api_key.as_ref().map(AgentKey::reveal), Some("sk-secret"));
}

#[test]
fn a_new_version_begins_with_what_the_agent_is() {
    let mut desk = Desk::new(120, 36);
    desk.goes(Screen::Agents);
    while desk.model.chosen_agent().map(|head| head.name.to_string()).as_deref() != Some("@gist") {
        desk.presses(&["j"]);
    }
    desk.presses(&["V"]);
    desk.sees("New version of @gist");
    assert!(form(&desk).text("description").starts_with("Summarizes a text"));
    fills(&mut desk, "tags", ", short");
    desk.presses(&["ctrl-s"]);
    let (number, deed) = desk.deeds[0].clone();
    let Deed::Update { definition, .. } = deed else { panic!("{deed:?}") };
    assert_eq!(definition.tags, ["sample", "short"]);
    assert_eq!(definition.time_limits.exchange_ms, 10_000, "what was not touched is as it was");
    assert_eq!(definition.examples.len(), 1);
    let updated = Updated {
        version: guildhall_protocol::ids::AgentVersion(2),
        before: "{\n  \"tags\": []\n}".to_owned(),
        after: "{\n  \"tags\": [\"short\"]\n}".to_owned(),
        granted: Vec::new(),
        key_replaced: false,
        warnings: Vec::new(),
    };
    let name: AgentName = "@gist".parse().expect("a name");
    desk.meets(Msg::Done { number, outcome: Outcome::Updated(Ok((name, Box::new(updated)))) });
    desk.sees("+   \"tags\": [\"short\"]");
}

#[test]
fn another_name_in_the_editor_is_another_agent() {
    let mut desk = Desk::new(120, 36);
    desk.goes(Screen::Agent("@gist".parse().expect("a name")));
    desk.presses(&["V", "alt-e"]);
    let text = desk.edited.pop().expect("it is edited").0.replace("@gist", "@jest");
    desk.meets(Msg::Edited(Ok(text)));
    desk.sees("this is the form of @gist: another name is another agent");
}
