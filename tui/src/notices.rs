//! `inbox`, `notices ...` and `engine ...`.

use crate::cli::{EngineCommand, NoticesCommand};
use crate::fault::Fault;
use crate::session::{Session, clock};
use crate::table::table;
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::ids::{NotificationId, RequestId};
use guildhall_protocol::notice::{Channel, Inbox, NoticeKind, NoticeStory, NoticeView, Settings};
use guildhall_protocol::view::{EngineOrder, JobHead, Page, PageRequest};

/// Longest title and text in a list, in graphemes.
const SHOWN_MAX: usize = 60;

pub(crate) async fn inbox(session: &Session) -> Result<(), Fault> {
    let inbox = session.call(|service, context| async move { service.inbox(context).await }).await?;
    session.answer(&inbox, show_inbox)
}

fn show_inbox(inbox: &Inbox) -> String {
    let mut text = String::new();
    for (heading, jobs) in [("Waiting for you", &inbox.mine), ("Waiting for an operator", &inbox.operators)] {
        if !jobs.is_empty() {
            text.push_str(&format!("{heading}\n{}\n", jobs_table(jobs)));
        }
    }
    if !inbox.appeals.is_empty() {
        text.push_str("Complaints and contests\n");
        for appeal in &inbox.appeals {
            let why = cut(&clean_line(appeal.text.as_deref().unwrap_or("(forgotten)")), SHOWN_MAX);
            text.push_str(&format!("  {} of {}.{}: {why}\n", appeal.kind, appeal.job, appeal.attempt));
        }
    }
    for (heading, agents) in
        [("Agents to approve", &inbox.approvals), ("Agents offered to you", &inbox.offers)]
    {
        if !agents.is_empty() {
            text.push_str(&format!("{heading}\n"));
        }
        for head in agents {
            let wants = head.wanted.map(|wanted| format!(" for {}", wanted.whom())).unwrap_or_default();
            text.push_str(&format!("  {} of {}{wants}\n", head.name, head.owner));
        }
    }
    if text.is_empty() { "Nothing waits for you.\n".to_owned() } else { text }
}

fn jobs_table(jobs: &[JobHead]) -> String {
    let rows = jobs.iter().map(|job| {
        [
            job.id.to_string(),
            cut(&clean_line(job.title.as_deref().unwrap_or("(forgotten)")), SHOWN_MAX),
            job.state.to_string(),
            job.window_ends_at.or(job.due_at).map(clock).unwrap_or_default(),
        ]
    });
    table(["job", "title", "state", "until"], rows)
}

pub(crate) async fn run(session: &Session, command: NoticesCommand) -> Result<(), Fault> {
    match command {
        NoticesCommand::List { all, limit, after } => {
            let page = PageRequest { after, limit };
            let page = session
                .call(|service, context| async move { service.notices(context, all, page).await })
                .await?;
            session.answer_list(&page.rows, &page, show_list)
        }
        NoticesCommand::Show { id } => {
            let id = NotificationId(id);
            let story =
                session.call(|service, context| async move { service.notice(context, id).await }).await?;
            session.answer(&story, show_story)
        }
        NoticesCommand::Replay { id, key } => {
            let (request, id) = (key.unwrap_or_else(RequestId::fresh), NotificationId(id));
            let story = session
                .call(|service, context| async move { service.replay_notice(context, request, id).await })
                .await?;
            session.answer(&story, show_story)
        }
        NoticesCommand::Settings { webhook, allow_private, kind, key } => {
            settings(session, webhook, allow_private, &kind, key).await
        }
    }
}

fn show_list(page: &Page<NoticeView>) -> String {
    if page.rows.is_empty() {
        return "No notices.\n".to_owned();
    }
    let rows = page.rows.iter().map(|notice| {
        [
            notice.id.0.to_string(),
            clock(notice.made_at),
            notice.channel.to_string(),
            how(notice),
            cut(&clean_line(&notice.text), SHOWN_MAX),
        ]
    });
    let mut text = table(["notice", "at", "by", "told", "what"], rows);
    if let Some(next) = page.next {
        text.push_str(&format!("More: --after {next}\n"));
    }
    text
}

fn how(notice: &NoticeView) -> String {
    match (notice.acknowledged_at, notice.due_at) {
        (_, Some(due)) => format!("at {}", clock(due)),
        (Some(_), None) => "yes".to_owned(),
        (None, None) => "never".to_owned(),
    }
}

fn show_story(story: &NoticeStory) -> String {
    let notice = &story.notice;
    let mut text = format!(
        "{} ({})\n  next      {}\n  by        {}\n  made      {}\n  told      {}\n",
        clean_line(&notice.text),
        notice.kind,
        clean_line(&notice.next),
        notice.channel,
        clock(notice.made_at),
        how(notice)
    );
    for (at, taken, detail) in &story.log {
        let mark = if *taken { "✓" } else { "✗" };
        text.push_str(&format!("  {}  {mark} {}\n", clock(*at), clean_line(detail)));
    }
    text
}

async fn settings(
    session: &Session,
    webhook: Option<String>,
    allow_private: bool,
    kinds: &[String],
    key: Option<RequestId>,
) -> Result<(), Fault> {
    let mut settings =
        session.call(|service, context| async move { service.settings(context).await }).await?;
    if webhook.is_none() && kinds.is_empty() {
        return session.answer(&settings, show_settings);
    }
    if let Some(url) = webhook {
        settings.webhook = (url != "off").then_some(url);
        settings.webhook_private = allow_private;
    }
    for line in kinds {
        set_kind(&mut settings, line)?;
    }
    let request = key.unwrap_or_else(RequestId::fresh);
    let set = session
        .call(|service, context| async move { service.set_settings(context, request, settings).await })
        .await?;
    session.answer(&set, |set| {
        let secret = set.webhook_secret.as_ref().map(|secret| {
            format!("The webhook's secret, shown this once: {secret}   verifies what is posted to it\n")
        });
        show_settings(&set.settings) + &secret.unwrap_or_default()
    })
}

fn set_kind(settings: &mut Settings, line: &str) -> Result<(), Fault> {
    let wrong = |why: String| Fault::Input(format!("--kind {line}: {why}"));
    let (kind, channels) = line
        .split_once('=')
        .ok_or_else(|| wrong("write KIND=CHANNELS, such as job_completed=log".to_owned()))?;
    let kind = NoticeKind::from_name(kind.trim()).ok_or_else(|| {
        let kinds: Vec<&str> = NoticeKind::ALL.into_iter().map(NoticeKind::name).collect();
        wrong(format!("there is no such kind; there are {}", kinds.join(", ")))
    })?;
    match channels.trim() {
        "usual" => drop(settings.kinds.remove(&kind)),
        "off" => drop(settings.kinds.insert(kind, Vec::new())),
        list => {
            let named: Option<Vec<Channel>> =
                list.split(',').map(|name| Channel::from_name(name.trim())).collect();
            let channels = named.ok_or_else(|| {
                wrong(
                    "channels are log, webhook and discord, separated by commas; or off, or usual".to_owned(),
                )
            })?;
            settings.kinds.insert(kind, channels);
        }
    }
    Ok(())
}

fn show_settings(settings: &Settings) -> String {
    let mut text = match &settings.webhook {
        Some(url) => format!("You are told by webhook: {}\n", clean_line(url)),
        None => "You are told in the daemon's log; `--webhook URL` names a webhook.\n".to_owned(),
    };
    for (kind, channels) in &settings.kinds {
        let names: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
        let names = if names.is_empty() { "off".to_owned() } else { names.join(", ") };
        text.push_str(&format!("  {kind}  {names}\n"));
    }
    text
}

pub(crate) async fn engine(session: &Session, command: EngineCommand) -> Result<(), Fault> {
    let (order, args) = match command {
        EngineCommand::Pause(args) => (EngineOrder::Pause, args),
        EngineCommand::Resume(args) => (EngineOrder::Resume, args),
    };
    let (request, reason) = (args.key.unwrap_or_else(RequestId::fresh), args.reason);
    let status = session
        .call(|service, context| async move { service.order_engine(context, request, order, reason).await })
        .await?;
    session.answer(&status, |status| {
        let how = if status.paused { "paused: no new attempts are started" } else { "running" };
        format!("the engine is {how}\n")
    })
}
