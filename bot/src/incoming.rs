//! What Discord says happened, read leniently from JSON: fields may be missing, more than known, numbers or strings. What
//! is not understood is none, and never a failure of the whole.

use crate::message::EPHEMERAL;
use crate::permission::{MANAGE_GUILD, may_thread, may_write};
use guildhall_protocol::place::GROUPS_MAX;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Instant;

/// An interaction: somebody used a command, clicked, or filled something in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Incoming {
    /// Its number; the idempotency key of whatever comes of it.
    pub(crate) id: u64,
    /// With what it is answered, for 15 minutes.
    pub(crate) token: String,
    /// Who.
    pub(crate) user: User,
    /// The server that it happened in, if it did.
    pub(crate) server: Option<Server>,
    /// The channel that it happened in.
    pub(crate) channel: Option<u64>,
    /// Whether we may post cards into that channel. Outside servers we may not: others could read there, and of a form that was
    /// filled in it is not known. Direct messages with us are opened by themselves.
    pub(crate) can_post: bool,
    /// Whether we may open threads in that channel, as far as we are told.
    pub(crate) can_thread: bool,
    /// What we may do in that channel, as far as Discord says it.
    pub(crate) app_permissions: Option<u64>,
    /// The message that was clicked, or from which a form came; none if nobody but them sees it.
    pub(crate) clicked: Option<Clicked>,
    /// When we heard of it.
    pub(crate) heard_at: Instant,
    /// What was done.
    pub(crate) what: What,
}

/// A message of ours that everybody sees where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clicked {
    pub(crate) message: u64,
    /// What it says: text of ours, safe as it was made.
    pub(crate) content: String,
}

/// Somebody on Discord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: u64,
    /// How they are called; foreign text.
    pub(crate) name: String,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) id: u64,
    /// Whether the user may manage it.
    pub(crate) managed: bool,
    /// The roles that they have in it.
    pub(crate) roles: Vec<u64>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// A command: `job post`, with its options.
    Command { path: String, options: Options },
    /// A command on a message.
    OnMessage { name: String, text: String },
    /// An option is being typed.
    Typing { path: String, option: String, text: String },
    /// A button.
    Click { custom_id: String },
    /// A list, and what was chosen from it.
    Choose { custom_id: String, values: Vec<String> },
    /// A form.
    Submit { custom_id: String, fields: BTreeMap<String, String> },
}

/// The options of a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) attachment: Option<Attachment>,
}

impl Options {
    /// The text of an option; none if it was not given, or is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }
}

/// A file that somebody sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) url: String,
    pub(crate) name: String,
    pub(crate) size: u64,
}

impl Incoming {
    /// Reads an interaction.
    pub(crate) fn read(event: &Value) -> Option<Self> {
        let id = identity(event.get("id"))?;
        let token = event.get("token")?.as_str()?.to_owned();
        let member = event.get("member");
        let user = member.and_then(|member| member.get("user")).or_else(|| event.get("user"))?;
        let bits = |value: Option<&Value>| number(value);
        let server = identity(event.get("guild_id")).map(|id| Server {
            id,
            roles: member.map(roles).unwrap_or_default(),
            managed: bits(member.and_then(|member| member.get("permissions")))
                .is_some_and(|bits| bits & MANAGE_GUILD != 0),
        });
        let app_permissions = bits(event.get("app_permissions"));
        let may = may_write(app_permissions).is_ok();
        // A channel for text or for news: what is a thread itself has none.
        let kind = number(event.get("channel").and_then(|channel| channel.get("type")));
        let has_threads = kind.is_none_or(|kind| matches!(kind, 0 | 5));
        let can_post = server.is_some() && is_installed(event) && may;
        Some(Self {
            id,
            token,
            user: read_user(user, member)?,
            can_post,
            can_thread: can_post && may_thread(app_permissions) && has_threads,
            server,
            app_permissions,
            channel: identity(event.get("channel_id"))
                .or_else(|| identity(event.get("channel").and_then(|channel| channel.get("id")))),
            clicked: event.get("message").and_then(read_clicked),
            heard_at: Instant::now(),
            what: read_what(event)?,
        })
    }
}

/// Whether Discord says that we are there of our own, or nothing about it. As a user's own app we may answer and nothing else,
/// whatever the permissions of our answers are.
fn is_installed(event: &Value) -> bool {
    event.get("authorizing_integration_owners").is_none_or(|owners| owners.get("0").is_some())
}

/// Number and token of an interaction of which nothing else is understood: so much is enough to answer it.
pub(crate) fn address(event: &Value) -> Option<(u64, String)> {
    Some((identity(event.get("id"))?, event.get("token")?.as_str()?.to_owned()))
}

/// The roles of a member. The daemon takes a bounded number of them.
fn roles(member: &Value) -> Vec<u64> {
    let roles = member.get("roles").and_then(Value::as_array).into_iter().flatten();
    roles.filter_map(|role| identity(Some(role))).take(GROUPS_MAX).collect()
}

fn read_user(user: &Value, member: Option<&Value>) -> Option<User> {
    let names = [member.and_then(|member| member.get("nick")), user.get("global_name"), user.get("username")];
    let mut names = names.into_iter().flatten().filter_map(Value::as_str);
    let name = names.find(|name| !name.is_empty()).unwrap_or("somebody");
    Some(User { id: identity(user.get("id"))?, name: name.to_owned() })
}

fn read_clicked(message: &Value) -> Option<Clicked> {
    let flags = number(message.get("flags")).unwrap_or(0);
    if flags & EPHEMERAL != 0 {
        return None;
    }
    Some(Clicked {
        message: identity(message.get("id"))?,
        content: text(message.get("content")).unwrap_or_default(),
    })
}

fn read_what(event: &Value) -> Option<What> {
    let data = event.get("data")?;
    let custom_id = || data.get("custom_id").and_then(Value::as_str).map(str::to_owned);
    match number(event.get("type"))? {
        2 if number(data.get("type")) == Some(3) => {
            let target = text(data.get("target_id"))?;
            let message = data.get("resolved")?.get("messages")?.get(&target)?;
            Some(What::OnMessage { name: text(data.get("name"))?, text: text(message.get("content"))? })
        }
        2 => {
            let (path, given) = path_of(data)?;
            Some(What::Command { path, options: read_options(given, data) })
        }
        3 => Some(match data.get("values").and_then(Value::as_array) {
            Some(values) => What::Choose {
                custom_id: custom_id()?,
                values: values.iter().filter_map(|value| text(Some(value))).collect(),
            },
            None => What::Click { custom_id: custom_id()? },
        }),
        4 => {
            let (path, given) = path_of(data)?;
            let focused = given.iter().find(|option| option.get("focused") == Some(&Value::Bool(true)))?;
            let typed = text(focused.get("value")).unwrap_or_default();
            Some(What::Typing { path, option: text(focused.get("name"))?, text: typed })
        }
        5 => Some(What::Submit { custom_id: custom_id()?, fields: read_fields(data) }),
        _ => None,
    }
}

/// `job post`, and the options below it.
fn path_of(data: &Value) -> Option<(String, Vec<Value>)> {
    let mut path = text(data.get("name"))?;
    let options = |of: &Value| of.get("options").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut given = options(data);
    // A group or a subcommand holds what follows; neither is deeper than two.
    while let [only] = given.as_slice()
        && matches!(number(only.get("type")), Some(1 | 2))
    {
        path = format!("{path} {}", text(only.get("name"))?);
        given = options(only);
    }
    Some((path, given))
}

fn read_options(given: Vec<Value>, data: &Value) -> Options {
    let mut options = Options::default();
    for option in given {
        let (Some(name), Some(value)) = (text(option.get("name")), text(option.get("value"))) else {
            continue;
        };
        if number(option.get("type")) == Some(11) {
            let files = data.get("resolved").and_then(|resolved| resolved.get("attachments"));
            options.attachment = files.and_then(|files| files.get(&value)).and_then(|file| {
                Some(Attachment {
                    url: text(file.get("url"))?,
                    name: text(file.get("filename")).unwrap_or_else(|| "file".to_owned()),
                    size: number(file.get("size")).unwrap_or(0),
                })
            });
        } else {
            options.values.insert(name, value);
        }
    }
    options
}

/// The fields of a form, wherever they stand: in rows, or in labels.
fn read_fields(value: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        for key in ["components", "component"] {
            match value.get(key) {
                Some(Value::Array(inner)) => left.extend(inner),
                Some(inner) => left.push(inner),
                None => {}
            }
        }
        if let (Some(name), Some(typed)) =
            (text(value.get("custom_id")), value.get("value").and_then(Value::as_str))
        {
            fields.insert(name, typed.to_owned());
        }
    }
    fields
}

/// What names something at Discord: never zero.
pub(crate) fn identity(value: Option<&Value>) -> Option<u64> {
    number(value).filter(|id| *id != 0)
}

/// A number, also where it is written as text.
pub(crate) fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Text, also where it is written as a number or a truth.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn post() -> Value {
        json!({
            "id": "11", "type": 2, "token": "t", "guild_id": "5", "channel_id": 7, "app_permissions": "18432",
            "authorizing_integration_owners": {"0": "5"}, "more": {"than": "known"},
            "member": {"nick": "Ada", "permissions": "32", "roles": ["8", 9, null, "x"], "user": {"id": "3", "username": "ada"}},
            "data": {"name": "job", "options": [{"name": "post", "type": 1, "options": [
                {"name": "agent", "type": 3, "value": "@sum"},
                {"name": "preview", "type": 5, "value": true},
                {"name": "material", "type": 11, "value": "9"},
            ]}], "resolved": {"attachments": {"9": {"url": "https://cdn.example/a.txt", "filename": "a.txt", "size": "12"}}}}
        })
    }

    #[test]
    fn a_command_is_read_with_its_options() {
        let read = Incoming::read(&post()).expect("it is one");
        assert_eq!(
            (read.id, read.channel, read.can_post),
            (11, Some(7), false),
            "it may not even see the channel"
        );
        assert_eq!(read.user, User { id: 3, name: "Ada".to_owned() });
        assert_eq!(read.server, Some(Server { id: 5, managed: true, roles: vec![8, 9] }));
        let What::Command { path, options } = read.what else { panic!("a command") };
        assert_eq!(
            (path.as_str(), options.text("agent"), options.text("preview")),
            ("job post", Some("@sum"), Some("true"))
        );
        assert_eq!(options.attachment.map(|file| (file.name, file.size)), Some(("a.txt".to_owned(), 12)));
    }

    #[test]
    fn where_it_may_post_is_read() {
        let can_post = |permissions: Value, owners: Value| {
            let mut event = post();
            event["app_permissions"] = permissions;
            event["authorizing_integration_owners"] = owners;
            Incoming::read(&event).expect("it is one").can_post
        };
        let all = || json!((1_u64 << 10 | 1 << 11 | 1 << 14).to_string());
        assert!(can_post(all(), json!({"0": "5"})));
        assert!(!can_post(all(), json!({"1": "3"})), "somebody's own app");
        assert!(!can_post(json!("2048"), json!({"0": "5"})));
        let mut event = post();
        for field in ["app_permissions", "authorizing_integration_owners"] {
            event.as_object_mut().expect("an object").remove(field);
        }
        assert!(Incoming::read(&event).expect("it is one").can_post, "a server that does not say");
    }

    #[test]
    fn outside_servers_nothing_is_posted_where_somebody_is() {
        let mut event = post();
        event["guild_id"] = Value::Null;
        for (context, owners) in [(1, json!({"0": "0"})), (2, json!({"1": "3"})), (2, json!({"0": "0"}))] {
            event["context"] = json!(context);
            event["authorizing_integration_owners"] = owners;
            assert!(!Incoming::read(&event).expect("it is one").can_post);
        }
        // A form that was filled in comes without either, wherever it was.
        for field in ["context", "authorizing_integration_owners"] {
            event.as_object_mut().expect("an object").remove(field);
        }
        assert!(!Incoming::read(&event).expect("it is one").can_post);
    }

    #[test]
    fn where_it_may_open_threads_is_read() {
        let can_thread = |permissions: u64, channel: Value, is_server: bool| {
            let mut event = post();
            event["app_permissions"] = json!(permissions.to_string());
            event["channel"] = channel;
            if !is_server {
                event["guild_id"] = Value::Null;
            }
            Incoming::read(&event).expect("it is one").can_thread
        };
        let all = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 35 | 1 << 38;
        assert!(can_thread(all, json!({"type": 0}), true) && can_thread(all, Value::Null, true));
        assert!(!can_thread(all, json!({"type": 11}), true), "a thread");
        assert!(!can_thread(all, json!({"type": 1}), false), "direct messages");
        for missing in [1 << 11, 1 << 35, 1 << 38] {
            assert!(!can_thread(all & !missing, json!({"type": 0}), true));
        }
        let mut event = post();
        event.as_object_mut().expect("an object").remove("app_permissions");
        assert!(!Incoming::read(&event).expect("it is one").can_thread, "a server that does not say");
    }

    #[test]
    fn forms_clicks_and_what_is_typed_are_read() {
        let event = |kind: u64, data: Value| {
            Incoming::read(
                &json!({"id": 1, "type": kind, "token": "t", "user": {"id": 2, "username": "a"}, "data": data}),
            )
        };
        let form = event(
            5,
            json!({"custom_id": "v1:post", "components": [
                {"type": 1, "components": [{"type": 4, "custom_id": "brief", "value": "Count"}]},
                {"type": 18, "component": {"type": 4, "custom_id": "title", "value": "T"}},
            ]}),
        );
        let What::Submit { fields, .. } = form.expect("a form").what else { panic!("a form") };
        assert_eq!((fields["brief"].as_str(), fields["title"].as_str()), ("Count", "T"));
        let typing = event(
            4,
            json!({"name": "job", "options": [{"name": "show", "type": 1, "options": [
            {"name": "job", "type": 3, "value": "1", "focused": true}]}]}),
        );
        let expected =
            What::Typing { path: "job show".to_owned(), option: "job".to_owned(), text: "1".to_owned() };
        assert_eq!(typing.expect("it is one").what, expected);
        let chosen =
            event(3, json!({"custom_id": "v1:setup:board", "component_type": 8, "values": ["7", 8]}));
        let values = vec!["7".to_owned(), "8".to_owned()];
        let expected = What::Choose { custom_id: "v1:setup:board".to_owned(), values };
        assert_eq!(chosen.expect("it is one").what, expected);
        let clicked = |message: Value| {
            let event = json!({"id": 1, "type": 3, "token": "t", "user": {"id": 2, "username": "a"}, "message": message,
                "data": {"custom_id": "v1:keep"}});
            Incoming::read(&event).expect("it is one").clicked
        };
        let message = Clicked { message: 8, content: "Decide".to_owned() };
        assert_eq!(clicked(json!({"id": "8", "content": "Decide", "flags": 0})), Some(message));
        assert_eq!(clicked(json!({"id": "8", "content": "Decide", "flags": 64})), None, "only they see it");
        assert!(event(9, json!({})).is_none(), "a kind that nobody knows");
        assert_eq!(address(&json!({"id": 0, "token": "t"})), None, "nothing is named so");
        assert_eq!(address(&json!({"id": "4", "token": "t", "type": 99})), Some((4, "t".to_owned())));
    }
}
