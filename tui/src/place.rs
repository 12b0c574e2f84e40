//! `place ...`

use crate::cli::{PlaceCommand, PlaceSetArgs};
use crate::fault::Fault;
use crate::session::{Session, clock};
use crate::table::table;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::Visibility;
use guildhall_protocol::narrate::tell_place;
use guildhall_protocol::place::{PlaceChange, PlaceHead, PlaceStory, Posters};
use guildhall_protocol::view::{Page, PageRequest};

pub(crate) async fn run(session: &Session, command: PlaceCommand) -> Result<(), Fault> {
    match command {
        PlaceCommand::List { limit, after } => {
            let page = PageRequest { after, limit };
            let places =
                session.call(|service, context| async move { service.places(context, page).await }).await?;
            session.answer(&places, tell_all)
        }
        PlaceCommand::Show { place } => {
            let story =
                session.call(|service, context| async move { service.place(context, place).await }).await?;
            session.answer(&story, tell)
        }
        PlaceCommand::Set(args) => set(session, *args).await,
    }
}

async fn set(session: &Session, args: PlaceSetArgs) -> Result<(), Fault> {
    let (place, request) = (args.place.clone(), args.key.clone().unwrap_or_else(RequestId::fresh));
    let changes = changes(args);
    if changes.is_empty() {
        let told = format!(
            "say what is to be settled, such as --visibility place; `guildhall place show {place}` shows it"
        );
        return Err(Fault::Input(told));
    }
    let set = session.call(|service, context| async move {
        service.set_place(context, request, Some(place), changes).await
    });
    session.answer(&set.await?, tell)
}

/// What the arguments say, each thing once.
fn changes(args: PlaceSetArgs) -> Vec<PlaceChange> {
    let name = |name: String| (name != "none").then_some(name);
    let mut changes = Vec::new();
    changes.extend(args.board.map(|channel| PlaceChange::Board(name(channel))));
    changes.extend(args.alerts.map(|channel| PlaceChange::Alerts(name(channel))));
    changes.extend(args.operators.map(|group| PlaceChange::Operators(name(group))));
    match args.posters.as_slice() {
        [] => {}
        [everybody] if everybody == "everybody" => changes.push(PlaceChange::Posters(Posters::Everybody)),
        groups => changes.push(PlaceChange::Posters(Posters::Groups(groups.iter().cloned().collect()))),
    }
    if args.all_agents {
        changes.push(PlaceChange::AllAgents);
    }
    if !args.allow.is_empty() || !args.leave.is_empty() {
        let (allow, leave) = (args.allow.into_iter().collect(), args.leave.into_iter().collect());
        changes.push(PlaceChange::Agents { allow, leave });
    }
    changes.extend(args.visibility.map(|visibility| PlaceChange::Visibility(visibility.into())));
    changes
}

fn tell_all(page: &Page<PlaceHead>) -> String {
    let row = |head: &PlaceHead| [head.id.0.to_string(), head.identity.to_string(), head.name.clone()];
    let mut text = table(["place", "known as", "name"], page.rows.iter().map(row));
    if let Some(next) = page.next {
        text.push_str(&format!("There are more: --after {next}\n"));
    }
    text
}

fn tell(story: &PlaceStory) -> String {
    let PlaceStory { head, events, .. } = story;
    let settings = &head.settings;
    let word =
        |name: Option<&String>, none: &str| name.map_or_else(|| none.to_owned(), |name| clean_line(name));
    let posters = match &settings.posters {
        Posters::Everybody => "everybody".to_owned(),
        Posters::Groups(groups) => {
            format!(
                "members of {}",
                groups.iter().map(|group| clean_line(group)).collect::<Vec<_>>().join(", ")
            )
        }
    };
    let agents: Vec<String> = settings.agents.iter().map(ToString::to_string).collect();
    let seen = match settings.visibility {
        Visibility::Private => "nobody but their client",
        Visibility::Place => "everybody there",
    };
    let mut text = format!(
        "{} {}, known as {}\n",
        head.id,
        clean_line(&head.name),
        clean_line(&head.identity.to_string())
    );
    for (what, value) in [
        ("board", word(settings.board.as_ref(), "none: cards stand where jobs are posted")),
        ("alerts", word(settings.alerts.as_ref(), "none")),
        ("posters", posters),
        ("operators", word(settings.operators.as_ref(), "those of the marketplace")),
        ("agents", if agents.is_empty() { "all".to_owned() } else { agents.join(", ") }),
        ("new jobs are seen by", seen.to_owned()),
    ] {
        text.push_str(&format!("  {what}: {value}\n"));
    }
    for event in events {
        if let Some(told) = tell_place(event) {
            text.push_str(&format!("  {}  {told}\n", clock(event.at)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use guildhall_protocol::place::PlaceRef;

    fn parsed(arguments: &[&str]) -> Vec<PlaceChange> {
        let all = ["guildhall", "place", "set", "discord:1182"].iter().chain(arguments);
        let Some(Command::Place(PlaceCommand::Set(args))) = Cli::parse_from(all).command else {
            panic!("place set")
        };
        assert_eq!(args.place, "discord:1182".parse::<PlaceRef>().expect("a place"));
        changes(*args)
    }

    #[test]
    fn what_is_named_is_changed_and_nothing_else() {
        assert_eq!(parsed(&[]), []);
        assert_eq!(
            parsed(&["--board", "7", "--alerts", "none"]),
            [PlaceChange::Board(Some("7".to_owned())), PlaceChange::Alerts(None)]
        );
        let groups = ["1".to_owned(), "2".to_owned()].into();
        assert_eq!(parsed(&["--posters", "1,2"]), [PlaceChange::Posters(Posters::Groups(groups))]);
        assert_eq!(parsed(&["--posters", "everybody"]), [PlaceChange::Posters(Posters::Everybody)]);
        assert_eq!(parsed(&["--visibility", "place"]), [PlaceChange::Visibility(Visibility::Place)]);
    }
}
