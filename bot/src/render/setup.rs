//! What is settled for a server, with what changes it.

use crate::custom_id::CustomId;
use crate::message::{Button, Embed, Message, Style, line};
use crate::select::{Choice, OPTIONS_MAX, Offered, Select};
use crate::setup_step::SetupStep;
use guildhall_protocol::job::Visibility;
use guildhall_protocol::place::{POSTERS_MAX, PlaceSettings, PlaceStory, Posters};
use guildhall_protocol::view::{AgentHead, Page};

/// The look of what is settled.
const COLOR: u32 = 0x0058_65F2;
/// Agents that are named in a field; Discord takes a thousand characters.
const AGENTS_SHOWN: usize = 20;
/// How the choice of who sees new jobs is called, in the list and in the payload.
pub(crate) const VISIBLE: &str = "place";

/// What is about channels: the board, the alerts, and who sees new jobs.
pub(crate) fn setup_channels(story: &PlaceStory, notes: &[String]) -> Message {
    let settings = &story.head.settings;
    let seen = settings.visibility;
    let choice = |label: &str, value: &str, is_chosen| Choice {
        label: label.to_owned(),
        value: value.to_owned(),
        is_chosen,
    };
    let selects = vec![
        select("Board: a channel for the cards of new jobs", SetupStep::Board, Offered::Channel),
        select("Alerts: a channel for the operators", SetupStep::Alerts, Offered::Channel),
        select(
            "Who sees a new job",
            SetupStep::Visibility,
            Offered::One(vec![
                choice("New jobs are private", "private", seen == Visibility::Private),
                choice("Everybody here sees new jobs", VISIBLE, seen == Visibility::Place),
            ]),
        ),
    ];
    let mut buttons = Vec::new();
    if settings.board.is_some() {
        buttons.push(button("No board", SetupStep::NoBoard));
    }
    if settings.alerts.is_some() {
        buttons.push(button("No alerts", SetupStep::NoAlerts));
    }
    buttons.push(button("People and agents", SetupStep::People { after: 0 }));
    shown(settings, notes, selects, buttons)
}

/// What is about people and agents: who may post, who operates, and a page of the agents that get jobs.
pub(crate) fn setup_people(
    story: &PlaceStory,
    page: &Page<AgentHead>,
    after: i64,
    notes: &[String],
) -> Message {
    let settings = &story.head.settings;
    let mut selects = vec![
        select(
            "Who may post: members of these roles",
            SetupStep::Posters,
            Offered::Roles { most: POSTERS_MAX },
        ),
        select("Operators: members of this role", SetupStep::Operators, Offered::Roles { most: 1 }),
    ];
    let offered = &page.rows[..page.rows.len().min(OPTIONS_MAX)];
    let choices: Vec<Choice> = offered
        .iter()
        .map(|head| Choice {
            label: head.name.to_string(),
            value: head.name.to_string(),
            is_chosen: settings.agents.contains(&head.name),
        })
        .collect();
    if let Some(last) = offered.last().map(|head| head.id.0) {
        let placeholder = format!("Agents that get jobs: {} to choose from", choices.len());
        selects.push(select(placeholder, SetupStep::Agents { after, last }, Offered::Any(choices)));
    }
    let mut buttons = Vec::new();
    if settings.posters != Posters::Everybody {
        buttons.push(button("Everybody may post", SetupStep::Everybody));
    }
    if settings.operators.is_some() {
        buttons.push(button("No operators", SetupStep::NoOperators));
    }
    if !settings.agents.is_empty() {
        buttons.push(button("All agents", SetupStep::AllAgents));
    }
    if let Some(next) = page.next {
        buttons.push(button("More agents", SetupStep::People { after: next }));
    }
    buttons.push(button("Channels", SetupStep::Channels));
    shown(settings, notes, selects, buttons)
}

/// That somebody may not post here, and who may.
pub(crate) fn may_not_post(settings: &PlaceSettings) -> Message {
    Message::of(format!(
        "⚠️ Here only members of certain roles post jobs: {}.\nAsk whoever manages this server for one of them.",
        posters(settings)
    ))
}

fn select(placeholder: impl Into<String>, step: SetupStep, offered: Offered) -> Select {
    Select::new(placeholder, &CustomId::Setup(step), offered)
}

fn button(label: &'static str, step: SetupStep) -> Button {
    Button::new(label, Style::Secondary, &CustomId::Setup(step))
}

fn shown(settings: &PlaceSettings, notes: &[String], selects: Vec<Select>, buttons: Vec<Button>) -> Message {
    let agents: Vec<String> =
        settings.agents.iter().take(AGENTS_SHOWN).map(|name| line(&name.to_string(), 40)).collect();
    let more = settings.agents.len().saturating_sub(AGENTS_SHOWN);
    let agents = match (agents.is_empty(), more) {
        (true, _) => "all that work for people here".to_owned(),
        (false, 0) => agents.join(", "),
        (false, more) => format!("{} and {more} more", agents.join(", ")),
    };
    let seen = match settings.visibility {
        Visibility::Private => "their client only, unless they say otherwise",
        Visibility::Place => "everybody here, unless their client says otherwise",
    };
    let fields = [
        ("Board", channel(settings.board.as_deref(), "none: cards stand where jobs are posted")),
        ("Alerts", channel(settings.alerts.as_deref(), "none: operators are told directly")),
        ("New jobs are seen by", seen.to_owned()),
        ("Who may post", posters(settings)),
        ("Operators of jobs here", role(settings.operators.as_deref(), "those of the marketplace")),
        ("Agents", agents),
    ];
    let embed = Embed {
        title: "Guildhall in this server".to_owned(),
        description: "Each change counts at once.".to_owned(),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        footer: String::new(),
        color: COLOR,
    };
    Message { content: notes.join("\n"), embed: Some(embed), selects, buttons, files: Vec::new() }
}

fn posters(settings: &PlaceSettings) -> String {
    match &settings.posters {
        Posters::Everybody => "everybody".to_owned(),
        Posters::Groups(groups) => {
            groups.iter().map(|group| role(Some(group), "")).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A channel's own name, as Discord shows it; what is no number of Discord's is shown as it is.
fn channel(name: Option<&str>, none: &str) -> String {
    shown_as("#", name, none)
}

fn role(name: Option<&str>, none: &str) -> String {
    shown_as("@&", name, none)
}

fn shown_as(sign: &str, name: Option<&str>, none: &str) -> String {
    match name.map(|name| (name.parse::<u64>(), name)) {
        None => none.to_owned(),
        Some((Ok(id), _)) => format!("<{sign}{id}>"),
        Some((Err(_), name)) => line(name, 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::account::Identity;
    use guildhall_protocol::ids::PlaceId;
    use guildhall_protocol::place::PlaceHead;

    fn story(settings: PlaceSettings) -> PlaceStory {
        let identity = Identity { kind: "discord".to_owned(), id: "5".to_owned() };
        let head = PlaceHead { id: PlaceId(2), identity, name: "server 5".to_owned(), settings };
        PlaceStory { head, may_change: true, may_post: true, events: Vec::new() }
    }

    #[test]
    fn what_is_settled_is_shown_without_any_power() {
        let groups = ["7", "@everyone"].map(str::to_owned).into();
        let settings = PlaceSettings {
            board: Some("12".to_owned()),
            alerts: Some("<@1> **x**".to_owned()),
            posters: Posters::Groups(groups),
            ..PlaceSettings::default()
        };
        let shown = setup_channels(&story(settings), &[]).json(None);
        let text = shown["embeds"].to_string();
        assert!(text.contains("<#12>") && text.contains("<@&7>"), "{text}");
        assert!(!text.contains("<@1>") && !text.contains("@everyone"), "{text}");
        assert_eq!(shown["allowed_mentions"]["parse"], serde_json::json!([]));
    }

    #[test]
    fn both_pages_fit_into_five_rows() {
        let settings = PlaceSettings {
            board: Some("1".to_owned()),
            alerts: Some("2".to_owned()),
            posters: Posters::Groups(["3".to_owned()].into()),
            operators: Some("4".to_owned()),
            agents: ["@gist".parse().expect("a name")].into(),
            visibility: Visibility::Place,
        };
        let story = story(settings);
        let page = Page { rows: Vec::new(), next: Some(9) };
        for message in [setup_channels(&story, &[]), setup_people(&story, &page, 0, &[])] {
            let rows = message.json(None)["components"].as_array().map(Vec::len);
            assert!(rows.is_some_and(|rows| rows <= 5), "{rows:?}");
        }
    }
}
