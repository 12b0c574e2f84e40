//! The dashboard without a screen: a prompt, and answers in plain sentences. Nothing moves, nothing is colored, and nothing
//! is said that was not asked for; a screen reader reads it from top to bottom, and so does a slow line.

mod acting;
mod said;
mod words;

use super::filter;
use crate::fault::Fault;
use crate::feed::{say, whose};
use crate::session::{Session, print};
use guildhall_protocol::clean::{clean, clean_line, cut};
use guildhall_protocol::ids::{EventId, JobId};
use guildhall_protocol::listing::{JobCursor, JobQuery, JobSort, PageFrom};
use guildhall_protocol::narrate::readable_answer;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{FeedLine, JobStory};
use guildhall_protocol::wire::Wire;
use said::Said;
use std::io::{BufRead, IsTerminal, Read};

/// Rows that are read out at once.
const ROWS: u32 = 10;
/// Most events of one question for news, and of which the newest are read out.
const NEWS_MAX: usize = 500;
const NEWS_SAID: usize = 20;
/// Events of one reading.
const NEWS_PAGE: u32 = 200;
/// Longest line that is taken, bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// Longest answer that is read out, in graphemes.
const ANSWER_SAID_MAX: usize = 4_000;

/// Answers until the person leaves or the input ends.
pub(crate) async fn run(session: Session, read_only: bool) -> Result<(), Fault> {
    let mut desk = Desk {
        session,
        read_only,
        told_until: EventId::earliest(Timestamp::now()),
        job: None,
        waits: 0,
        list: None,
    };
    desk.status().await?;
    tell("help says what can be asked.")?;
    while let Some(line) = hears("guildhall> ")? {
        let outcome = match Said::parse(&line, desk.job) {
            Ok(Said::Quit) => break,
            Ok(said) => desk.answer(said).await,
            Err(trouble) => tell(&trouble),
        };
        match outcome {
            Ok(()) => {}
            // The output is gone: nobody listens any more.
            Err(fault @ Fault::Io(..)) => return Err(fault),
            Err(fault) => tell(&format!("{}.", clean_line(&fault.to_string())))?,
        }
    }
    Ok(())
}

/// What is kept from one question to the next.
struct Desk {
    session: Session,
    read_only: bool,
    /// The last event that was told.
    told_until: EventId,
    /// The job that was opened last.
    job: Option<JobId>,
    /// How many of the things that wait were read out.
    waits: usize,
    /// Where the list of jobs goes on.
    list: Option<(filter::Filter, JobCursor)>,
}

impl Desk {
    async fn answer(&mut self, said: Said) -> Result<(), Fault> {
        match said {
            Said::Nothing | Said::Quit => Ok(()),
            Said::Help => tell(&said::help()),
            Said::Status => self.status().await,
            Said::Next => self.next().await,
            Said::Inbox => self.inbox().await,
            Said::News => self.news().await,
            Said::Agents => self.agents().await,
            Said::Jobs(text) => match filter::parse(&text) {
                Ok(filter) => self.jobs(filter, PageFrom::First).await,
                Err(error) => tell(&format!("{error}.")),
            },
            Said::More => match self.list.take() {
                Some((filter, cursor)) => self.jobs(filter, PageFrom::After(cursor)).await,
                None => tell("There is no more. jobs begins a list."),
            },
            Said::Open(job) => {
                let story = self.story(job).await?;
                self.job = Some(job);
                tell(&words::story(&story, Timestamp::now()))
            }
            Said::History(job) => {
                let story = self.story(job).await?;
                tell(&words::history(&story, Timestamp::now(), usize::MAX))
            }
            Said::Read(job) => self.read(job).await,
            Said::Act { action, job, text } => self.act(action, job, text).await,
        }
    }

    async fn status(&self) -> Result<(), Fault> {
        let session = &self.session;
        let status = session.patient(|| async {
            session.call(|service, context| async move { service.status(context).await }).await
        });
        let status = status.await?;
        let overview = session.patient(|| async {
            session.call(|service, context| async move { service.overview(context).await }).await
        });
        let (overview, who) = (overview.await?, session.principal().await?);
        tell(&words::status(&session.endpoint().to_string(), &who, &status, &overview.waiting))
    }

    async fn next(&mut self) -> Result<(), Fault> {
        let inbox = self.waiting().await?;
        let things = words::waiting(&inbox, Timestamp::now());
        if things.is_empty() {
            return tell("Nothing waits for you.");
        }
        let at = if self.waits < things.len() { self.waits } else { 0 };
        self.waits = at + 1;
        let (job, text) = &things[at];
        if job.is_some() {
            self.job = *job;
        }
        tell(&format!("{} of {}. {text}", at + 1, things.len()))
    }

    async fn inbox(&mut self) -> Result<(), Fault> {
        let inbox = self.waiting().await?;
        let things = words::waiting(&inbox, Timestamp::now());
        if things.is_empty() {
            return tell("Nothing waits for you.");
        }
        self.waits = 0;
        let lines: Vec<&str> = things.iter().map(|(_, text)| text.as_str()).collect();
        tell(&lines.join("\n"))
    }

    async fn waiting(&self) -> Result<guildhall_protocol::notice::Inbox, Fault> {
        let session = &self.session;
        let inbox = session.patient(|| async {
            session.call(|service, context| async move { service.inbox(context).await }).await
        });
        inbox.await
    }

    async fn news(&mut self) -> Result<(), Fault> {
        let mut lines: Vec<FeedLine> = Vec::new();
        loop {
            let (session, after) = (&self.session, self.told_until);
            let page = session.patient(|| async {
                let page = session
                    .call(|service, context| async move { service.events(context, after, NEWS_PAGE).await });
                page.await
            });
            let page = page.await?;
            let Some(last) = page.last() else { break };
            self.told_until = last.id;
            lines.extend(page);
            if lines.len() >= NEWS_MAX {
                break;
            }
        }
        if lines.is_empty() {
            return tell("Nothing happened since you asked last.");
        }
        let mut text = match lines.len() {
            1 => "One thing happened:".to_owned(),
            count if count > NEWS_SAID => format!("{count} things happened; the last {NEWS_SAID} of them:"),
            count => format!("{count} things happened:"),
        };
        let left_out = lines.len().saturating_sub(NEWS_SAID);
        for line in lines.iter().skip(left_out) {
            let what = match &line.event {
                Wire::Known(event) => say(line.subject, event),
                Wire::Unknown(_) => "something that this version does not know".to_owned(),
            };
            text.push_str(&format!("\n{}: {}.", whose(line.subject), clean_line(&what)));
        }
        tell(&text)
    }

    async fn agents(&self) -> Result<(), Fault> {
        let agents = super::effects::agents(&self.session).await?;
        if agents.is_empty() {
            return tell("There is no agent yet.");
        }
        let lines: Vec<String> = agents.iter().map(words::agent).collect();
        tell(&lines.join("\n"))
    }

    async fn jobs(&mut self, filter: filter::Filter, from: PageFrom) -> Result<(), Fault> {
        let now = Timestamp::now();
        let sort: JobSort = filter.sort;
        let query = JobQuery { filter: filter.at(now), sort, from, limit: ROWS };
        let session = &self.session;
        let page = session.patient(|| async {
            let query = query.clone();
            session.call(|service, context| async move { service.find_jobs(context, query).await }).await
        });
        let page = page.await?;
        if page.rows.is_empty() {
            return tell("There is no such job.");
        }
        let mut lines: Vec<String> = page.rows.iter().map(|head| words::job(head, now)).collect();
        if let Some(next) = page.next {
            self.list = Some((filter, next));
            lines.push("more goes on.".to_owned());
        }
        tell(&lines.join("\n"))
    }

    async fn story(&self, job: JobId) -> Result<JobStory, Fault> {
        let session = &self.session;
        let story = session.patient(|| async {
            session.call(|service, context| async move { service.job(context, job).await }).await
        });
        story.await
    }

    async fn read(&self, job: JobId) -> Result<(), Fault> {
        let story = self.story(job).await?;
        let body = story.answered().and_then(|view| view.answer.as_ref());
        let Some(body) = body.filter(|body| body.head.is_some()) else {
            return tell(&format!("Job {job} has no answer that can be read."));
        };
        let whole = self.session.patient(|| self.session.body(job, body.id)).await?;
        let text = cut(&clean(&readable_answer(&whole, story.display.as_deref())), ANSWER_SAID_MAX);
        let more = if text.ends_with('…') {
            format!("\nThat is not all: guildhall job show {} --answer prints it.", job.0)
        } else {
            String::new()
        };
        tell(&format!("The answer to job {job}:\n{text}{more}"))
    }
}

/// Says lines. They are clean already, or are cleaned here: nothing but letters and line ends goes out.
fn tell(text: &str) -> Result<(), Fault> {
    print(&(clean(text).trim_end().to_owned() + "\n"))
}

/// What the person types after a prompt; none at the end of the input. The prompt is for people alone.
fn hears(prompt: &str) -> Result<Option<String>, Fault> {
    if std::io::stdin().is_terminal() {
        print(prompt)?;
    }
    let mut line = String::new();
    let fault = |error| Fault::Io("the input cannot be read".to_owned(), error);
    let count = std::io::stdin().lock().take(LINE_BYTES_MAX).read_line(&mut line).map_err(fault)?;
    Ok((count > 0).then(|| clean_line(&line).trim().to_owned()))
}
