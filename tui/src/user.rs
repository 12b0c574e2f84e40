//! `user ...` and `account ...`

use crate::cli::{AccountCommand, UserArgs, UserCommand};
use crate::fault::Fault;
use crate::session::{Session, clock};
use crate::table::table;
use guildhall_protocol::account::{Limits, Policy, UserHead, UserOrder, UserRef, UserStory};
use guildhall_protocol::clean::{clean, clean_line};
use guildhall_protocol::ids::{PlaceId, RequestId};
use guildhall_protocol::narrate::tell_user;
use guildhall_protocol::view::{Page, PageRequest};

pub(crate) async fn run(session: &Session, command: UserCommand) -> Result<(), Fault> {
    let place = |place: Option<i64>| place.map(PlaceId);
    match command {
        UserCommand::List { limit, after } => list(session, PageRequest { after, limit }).await,
        UserCommand::Show { user } => show(session, user).await,
        UserCommand::Usage { user } => {
            let report =
                session.call(|service, context| async move { service.usage(context, user).await }).await?;
            session.answer(&report, |report| report.lines(clock).map(|line| line + "\n").concat())
        }
        UserCommand::Add { name } => {
            let request = RequestId::fresh();
            let story = session
                .call(|service, context| async move { service.add_user(context, request, name).await });
            session.answer(&story.await?, tell)
        }
        UserCommand::Grant { user, role, place: at, args } => {
            order(session, user, UserOrder::Grant { role, place: place(at) }, args).await
        }
        UserCommand::Revoke { user, place: at, args } => {
            order(session, user, UserOrder::Revoke { place: place(at) }, args).await
        }
        UserCommand::Suspend { user, args } => order(session, user, UserOrder::Suspend, args).await,
        UserCommand::Restore { user, args } => order(session, user, UserOrder::Restore, args).await,
        UserCommand::Limits { user, open_jobs, posts_per_minute, stored_bytes, agents, args } => {
            let limits = Limits { open_jobs, posts_per_minute, stored_bytes, agents };
            order(session, user, UserOrder::Limit(limits), args).await
        }
    }
}

pub(crate) async fn account(session: &Session, command: AccountCommand) -> Result<(), Fault> {
    match command {
        AccountCommand::Show => show(session, None).await,
        AccountCommand::Timezone { zone } => timezone(session, zone).await,
        AccountCommand::Privacy => {
            let policy =
                session.call(|service, context| async move { service.policy(context).await }).await?;
            session.answer(&policy, tell_policy)
        }
        AccountCommand::Consent { version } => {
            let request = RequestId::fresh();
            let policy = session
                .call(|service, context| async move { service.consent(context, request, version).await })
                .await?;
            session.answer(&policy, |policy| format!("you consented to version {}\n", policy.version))
        }
    }
}

async fn list(session: &Session, page: PageRequest) -> Result<(), Fault> {
    let users = session.call(|service, context| async move { service.users(context, page).await }).await?;
    session.answer_list(&users.rows, &users, tell_all)
}

/// Says a time zone, forgets it, or shows it.
async fn timezone(session: &Session, zone: Option<String>) -> Result<(), Fault> {
    let mut settings =
        session.call(|service, context| async move { service.settings(context).await }).await?;
    if let Some(zone) = zone {
        settings.timezone = (zone != "off").then_some(zone);
        let (request, changed) = (RequestId::fresh(), settings);
        let set = session
            .call(|service, context| async move { service.set_settings(context, request, changed).await });
        settings = set.await?.settings;
    }
    session.answer(&settings.timezone, |zone| match zone {
        Some(zone) => format!("your clock times are of {}\n", clean_line(zone)),
        None => "your clock times are of the machine that you are at\n".to_owned(),
    })
}

async fn show(session: &Session, user: Option<UserRef>) -> Result<(), Fault> {
    let story = session.call(|service, context| async move { service.user(context, user).await }).await?;
    session.answer(&story, tell)
}

async fn order(session: &Session, user: UserRef, order: UserOrder, args: UserArgs) -> Result<(), Fault> {
    let (request, reason) = (args.key.unwrap_or_else(RequestId::fresh), args.reason);
    let story = session.call(|service, context| async move {
        service.order_user(context, request, user, order, reason).await
    });
    session.answer(&story.await?, tell)
}

fn tell_all(page: &Page<UserHead>) -> String {
    let row = |head: &UserHead| {
        let state = if head.account.suspended { "suspended" } else { "" };
        [head.id.0.to_string(), head.name.clone(), head.account.role.to_string(), state.to_owned()]
    };
    let mut text = table(["user", "name", "role", ""], page.rows.iter().map(row));
    if let Some(next) = page.next {
        text.push_str(&format!("There are more: --after {next}\n"));
    }
    text
}

pub(crate) fn tell(story: &UserStory) -> String {
    let UserStory { head, identities, usage, limits, events } = story;
    let account = &head.account;
    let mut text = format!("{} {}, {}", head.id, clean_line(&head.name), account.role);
    if account.suspended {
        text.push_str(", suspended");
    }
    text.push('\n');
    for (place, role) in &account.places {
        text.push_str(&format!("  {role} in {place}\n"));
    }
    let known: Vec<String> = identities.iter().map(|identity| clean_line(&identity.to_string())).collect();
    text.push_str(&format!("  known as {}\n", known.join(", ")));
    let of = |most: Option<u64>| most.map(|most| format!(" of {most}")).unwrap_or_default();
    text.push_str(&format!(
        "  open jobs {}{}, agents {}{}, stored bytes {}{}\n",
        usage.open_jobs,
        of(limits.open_jobs),
        usage.agents,
        of(limits.agents),
        usage.stored_bytes,
        of(limits.stored_bytes)
    ));
    if let Some(most) = limits.posts_per_minute {
        text.push_str(&format!("  posts at most {most} jobs a minute\n"));
    }
    for event in events {
        if let Some(told) = tell_user(event) {
            text.push_str(&format!("  {}  {told}\n", clock(event.at)));
        }
    }
    text
}

fn tell_policy(policy: &Policy) -> String {
    let next = if policy.consented {
        "You consented to it.\n".to_owned()
    } else {
        format!("`guildhall account consent {}` says that you have read it.\n", policy.version)
    };
    format!("{}\n\nVersion {}. {next}", clean(policy.text.trim_end()), policy.version)
}
