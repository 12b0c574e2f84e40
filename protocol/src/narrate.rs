//! A job's history in words: the same sentences in the demo, on the command line and in the dashboard.
//!
//! Text of agents and clients is cleaned and cut here; the sentences are safe to print.

mod agents;
mod models;
mod people;

pub use agents::tell_agent;
pub use models::tell_spending;
pub use people::{tell_place, tell_user};

use crate::appeal::AppealKind;
use crate::attempt::{AttemptState, Decision, EndedAs, Finding};
use crate::clean::{clean_line, cut};
use crate::history::{Actor, Event, What};
use crate::ids::{AgentId, AgentVersion, AttemptNumber, JobId};
use crate::pick::Pick;
use crate::state::{HeldWhy, Reviewer};
use crate::time::show_span;
use crate::view::{AttemptView, Chained, JobStory};
use std::time::Duration;

/// Foreign text longer than this is cut in a sentence, in graphemes.
const QUOTE_SHOWN_MAX: usize = 160;

/// How an event reads at first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// One thing of many.
    Step,
    /// It went well.
    Good,
    /// It went wrong, or somebody must look.
    Bad,
    /// It waits.
    Waits,
}

impl Mark {
    /// The sign before the sentence.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Step => "→",
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Waits => "…",
        }
    }
}

/// An event in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How it reads at first sight.
    pub mark: Mark,
    /// One sentence, without a full stop.
    pub text: String,
    /// Further lines: findings, reasons.
    pub details: Vec<String>,
}

impl Told {
    fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, text: text.into(), details: Vec::new() }
    }

    fn with(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }
}

/// An event of a job in words; none for what is not part of a job's story.
pub fn tell(story: &JobStory, event: &Event) -> Option<Told> {
    let told = tell_plain(story, event)?;
    let words = event.what.text().and_then(|text| {
        let held = story.texts.iter().find(|(body, _)| *body == text.body);
        held.map(|(_, words)| shown(words))
    });
    Some(match words {
        Some(words) => told.with(words),
        None => told,
    })
}

/// An event without the words that belong to it.
#[expect(clippy::too_many_lines, reason = "a line or two for each kind of event")]
fn tell_plain(story: &JobStory, event: &Event) -> Option<Told> {
    use Mark::{Bad, Good, Step, Waits};
    let agent = |attempt: AttemptNumber| agent_of(story, attempt);
    let told = match &event.what {
        What::Posted { derived_from, trial, deadline, .. } => {
            tell_posted(deadline.since(event.at), *derived_from, *trial)
        }
        What::Waiting { .. } => {
            let told = Told::new(Waits, "nobody can take it now; it waits");
            match &story.waiting {
                Some(pick) => told.with(clean_line(&pick.reason)),
                None => told,
            }
        }
        What::Assigned { attempt, version, repair, .. } => tell_assigned(story, *attempt, *version, *repair),
        What::Deferred { attempt, until, .. } => {
            let wait = show_span(until.since(event.at));
            Told::new(
                Waits,
                format!("{} is not to be had; the delivery goes out again in {wait}", agent(*attempt)),
            )
        }
        What::Resent { attempt, tries: 1 } => {
            Told::new(Step, format!("the client's answer goes to {}", agent(*attempt)))
        }
        What::Resent { attempt, tries } => {
            Told::new(Step, format!("sent to {} again under the same id (try {tries})", agent(*attempt)))
        }
        What::Accepted { attempt } => Told::new(Step, format!("{} accepted it and works", agent(*attempt))),
        What::Progressed { attempt, .. } => Told::new(Step, format!("{} is at it", agent(*attempt))),
        What::Asked { attempt, until, .. } => tell_question(story, *attempt, until.since(event.at)),
        What::Replied { attempt, .. } => tell_reply(story, *attempt),
        What::Answered { attempt, .. } => {
            let view = attempt_of(story, *attempt);
            let took = view.map_or(Duration::ZERO, |view| event.at.since(view.started_at));
            Told::new(Step, format!("{} answered after {}", agent(*attempt), show_span(took)))
        }
        What::Late { attempt, .. } => {
            Told::new(Step, format!("{} said something too late; it is kept", agent(*attempt)))
        }
        What::Judged { attempt, passed, failed, abstained, .. } => {
            tell_judged(story, *attempt, [*passed, *failed, *abstained])
        }
        What::AttemptEnded { attempt, ended, .. } => tell_ended(story, *attempt, *ended),
        What::Checked { .. }
        | What::ModelCalled { .. }
        | What::WithoutModel { .. }
        | What::InputShaped { .. }
        | What::InputAsked { .. } => return models::tell(story, event),
        What::ReviewRequested { .. }
        | What::ReviewAccepted { .. }
        | What::ChangesRequested { .. }
        | What::Disputed { .. }
        | What::WindowPassed { .. }
        | What::Held { .. }
        | What::Released { .. }
        | What::LookAgain { .. }
        | What::Reassigned { .. }
        | What::Excluded { .. }
        | What::Included { .. }
        | What::TextsRevealed { .. }
        | What::Prioritized { .. }
        | What::Extended { .. }
        | What::AppealMade { .. }
        | What::AppealDecided { .. } => return tell_decision(story, event),
        What::Announced => Told::new(Step, "looked at with care, since a daemon stopped without notice"),
        What::Unharmed => Told::new(Step, "looked at without harm; a model is asked next"),
        What::DaemonDied { deaths, .. } => {
            Told::new(Bad, format!("a daemon died with this job in its hands ({deaths} so far)"))
        }
        What::Completed { by, .. } => Told::new(Good, format!("completed, checked {by}")),
        What::Failed { attempts, offers } => Told::new(
            Bad,
            format!("failed: nobody could do it ({attempts} attempts, {offers} declined or not reached)"),
        ),
        What::Canceled { .. } => Told::new(Bad, format!("canceled by {}", tell_actor(story, event.by))),
        What::Expired => Told::new(Bad, "the deadline passed"),
        What::Shared { with } => Told::new(Step, format!("shared with {with}")),
        What::Unshared { with } => Told::new(Step, format!("no longer shared with {with}")),
        What::AgentRegistered { .. }
        | What::AgentUpdated { .. }
        | What::AgentRolledBack { .. }
        | What::AgentProved { .. }
        | What::AgentPaused { .. }
        | What::AgentResumed
        | What::AgentRetired
        | What::AgentGranted { .. }
        | What::AgentKeyReplaced
        | What::SecretsRotated { .. }
        | What::AgentVouchedFor { .. }
        | What::PublishingAsked { .. }
        | What::AgentPublished { .. }
        | What::PublishingRefused { .. }
        | What::ApprovalEnded { .. }
        | What::PublishingEnded { .. }
        | What::AgentWithdrawn
        | What::OwnerAdded { .. }
        | What::OwnerRemoved { .. }
        | What::AgentOffered { .. }
        | What::AgentTaken { .. }
        | What::CircuitOpened { .. }
        | What::CircuitHalfOpened
        | What::CircuitClosed
        | What::Quarantined { .. }
        | What::UserSeen
        | What::SettingsChanged
        | What::RoleGranted { .. }
        | What::RoleRevoked { .. }
        | What::UserSuspended { .. }
        | What::UserRestored { .. }
        | What::UserLimited { .. }
        | What::Consented { .. }
        | What::TokenMade { .. }
        | What::TokenRevoked { .. }
        | What::UserJoined { .. }
        | What::JoinedUser { .. }
        | What::IdentityRemoved { .. }
        | What::EnginePaused { .. }
        | What::EngineResumed { .. }
        | What::ModelsSwitched { .. }
        | What::BudgetSet { .. }
        | What::BudgetReached { .. }
        | What::KeyRotated { .. }
        | What::DaemonStarted { .. }
        | What::PlaceChanged { .. }
        | What::DaemonStopped { .. } => return None,
    };
    Some(told)
}

fn tell_reply(story: &JobStory, attempt: AttemptNumber) -> Told {
    // Number 0: the marketplace asked, before there was an attempt.
    let by_daemon = attempt.0 == 0;
    let asker = if by_daemon { "what was asked".to_owned() } else { agent_of(story, attempt) };
    let told = Told::new(Mark::Step, format!("the client answers {asker}"));
    let view = attempt_of(story, attempt);
    let reply = if by_daemon { story.reply.as_deref() } else { view.and_then(|view| view.reply.as_deref()) };
    match reply {
        Some(reply) => told.with(shown(reply)),
        None => told,
    }
}

/// What people are asked and decide.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller lists what comes here, and tells the rest itself"
)]
fn tell_decision(story: &JobStory, event: &Event) -> Option<Told> {
    use Mark::{Bad, Good, Step, Waits};
    // What only operators do is told so, even where the client is one.
    let operator = "an operator";
    let by = tell_actor(story, event.by);
    let told = match &event.what {
        What::ReviewRequested { reviewer, until } => Told::new(
            Waits,
            format!(
                "{} is asked to decide within {}",
                tell_reviewer(*reviewer),
                show_span(until.since(event.at))
            ),
        ),
        What::ReviewAccepted { reviewer } => {
            Told::new(Good, format!("{} accepts the answer", tell_reviewer(*reviewer)))
        }
        What::ChangesRequested { reviewer, .. } => {
            let told = Told::new(Bad, format!("{} wants another attempt", tell_reviewer(*reviewer)));
            let wish = story.attempts.iter().rev().flat_map(|view| &view.findings);
            let mut wish = wish.filter(|finding| finding.criterion == crate::attempt::CriterionRef::Review);
            match wish.next() {
                Some(finding) => told.with(shown(&finding.evidence)),
                None => told,
            }
        }
        What::Disputed { .. } => Told::new(Bad, "the client asks an operator to decide"),
        What::WindowPassed { reviewer } => {
            Told::new(Waits, format!("{} did not decide in time", tell_reviewer(*reviewer)))
        }
        What::Held { why } => Told::new(Bad, format!("held for an operator: {}", tell_held(*why))),
        What::Released { .. } => Told::new(Step, format!("{operator} released it")),
        What::LookAgain { .. } => Told::new(Step, format!("{by} asks to look for an agent now")),
        What::Reassigned { to, .. } => {
            let to = to.map_or_else(|| "another agent".to_owned(), |agent| name_of(story, agent));
            Told::new(Step, format!("{operator} gives it to {to}"))
        }
        What::Excluded { agent, .. } => {
            Told::new(Step, format!("{operator} rules {} out", name_of(story, *agent)))
        }
        What::Included { agent, .. } => {
            Told::new(Step, format!("{operator} lets {} get it again", name_of(story, *agent)))
        }
        What::TextsRevealed { until, .. } => Told::new(
            Step,
            format!("{operator} has its texts shown for {}", show_span(until.since(event.at))),
        ),
        What::Prioritized { to, .. } => Told::new(Step, format!("{operator} makes its priority {to}")),
        What::Extended { deadline, .. } => Told::new(
            Step,
            format!(
                "{} gives it time until {deadline}, {} from then on",
                by,
                show_span(deadline.since(event.at))
            ),
        ),
        What::AppealMade { attempt, kind, .. } => tell_appeal(story, *attempt, *kind),
        What::AppealDecided { kind, upheld, .. } => {
            let word = if *upheld { "right; the agent's record is corrected" } else { "not right" };
            Told::new(Step, format!("{operator} decides that the {kind} is {word}"))
        }
        _ => return None,
    };
    Some(told)
}

fn tell_posted(time: Duration, derived_from: Option<JobId>, trial: bool) -> Told {
    let follows = derived_from.map(|job| format!("; it follows job {job}")).unwrap_or_default();
    let trial = if trial { "; a trial" } else { "" };
    Told::new(Mark::Step, format!("posted; it has {} time{follows}{trial}", show_span(time)))
}

fn tell_assigned(story: &JobStory, attempt: AttemptNumber, version: AgentVersion, repair: bool) -> Told {
    let name = agent_of(story, attempt);
    if repair {
        return Told::new(Mark::Step, format!("back to {name} with the findings: a repair round"));
    }
    let told = Told::new(Mark::Step, format!("{name} gets it ({version})"));
    match attempt_of(story, attempt).and_then(|view| view.pick.as_ref()) {
        Some(pick) => told.with(tell_pick(pick)),
        None => told,
    }
}

fn tell_question(story: &JobStory, attempt: AttemptNumber, time: Duration) -> Told {
    let text = format!("{} asks the client, who has {}", agent_of(story, attempt), show_span(time));
    match attempt_of(story, attempt).and_then(|view| view.question.as_ref()) {
        Some(question) => Told::new(Mark::Waits, text).with(shown(&question.text)),
        None => Told::new(Mark::Waits, text),
    }
}

fn tell_appeal(story: &JobStory, attempt: AttemptNumber, kind: AppealKind) -> Told {
    let text = match kind {
        AppealKind::Complaint => "the client complains about the result".to_owned(),
        AppealKind::Contest => format!("the owner of {} contests a finding", agent_of(story, attempt)),
    };
    let made = story.appeals.iter().find(|appeal| appeal.attempt == attempt && appeal.kind == kind);
    match made.and_then(|appeal| appeal.text.as_deref()) {
        Some(why) => Told::new(Mark::Bad, text).with(shown(why)),
        None => Told::new(Mark::Bad, text),
    }
}

/// `counts`: passed, failed, undecided.
fn tell_judged(story: &JobStory, attempt: AttemptNumber, counts: [u32; 3]) -> Told {
    let mark = if counts[1] > 0 { Mark::Bad } else { Mark::Good };
    let words = counts.iter().zip(["passed", "failed", "undecided"]).filter(|(count, _)| **count > 0);
    let words: Vec<String> = words.map(|(count, word)| format!("{count} {word}")).collect();
    let mut told = Told::new(mark, format!("judged: {}", words.join(", ")));
    let findings = attempt_of(story, attempt).map_or(&[] as &[Finding], |view| &view.findings);
    let open = findings.iter().filter(|finding| finding.decision != Decision::Pass);
    told.details.extend(open.map(tell_finding));
    told
}

fn tell_ended(story: &JobStory, attempt: AttemptNumber, ended: EndedAs) -> Told {
    let name = agent_of(story, attempt);
    let (mark, text) = match ended {
        EndedAs::Passed => return Told::new(Mark::Good, format!("the answer of {name} is accepted")),
        EndedAs::Failed => (Mark::Bad, format!("the answer of {name} is not good enough")),
        EndedAs::Declined => (Mark::Bad, format!("{name} declines")),
        EndedAs::Unreachable => (Mark::Bad, format!("{name} could not be reached")),
        EndedAs::Silent => (Mark::Bad, format!("{name} went silent")),
        EndedAs::Unclear => (Mark::Bad, format!("nobody knows whether {name} did it")),
        EndedAs::Withdrawn => (Mark::Step, format!("taken back from {name}")),
    };
    match attempt_of(story, attempt).and_then(|view| view.reason.as_deref()) {
        Some(reason) => Told::new(mark, format!("{text}: {}", shown(reason))),
        None => Told::new(mark, text),
    }
}

/// The part of an answer that people should read; `display` is a JSON pointer to it.
pub fn readable_answer(answer: &str, display: Option<&str>) -> String {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(answer) else { return answer.to_owned() };
    let part = display.and_then(|pointer| value.pointer(pointer)).unwrap_or(&value);
    part.as_str().map_or_else(|| format!("{part:#}"), str::to_owned)
}

/// Why this agent, in one line.
pub fn tell_pick(pick: &Pick) -> String {
    let scores = pick.candidates.iter().take(3);
    let scores: Vec<String> =
        scores.map(|candidate| format!("{} {:.2}", candidate.name, candidate.score)).collect();
    let reason = clean_line(&pick.reason);
    match scores.len() {
        0 => reason,
        1 => format!("{reason}, of {} agents", pick.examined),
        _ => format!(
            "{reason} ({} of {} agents could take it: {})",
            pick.eligible,
            pick.examined,
            scores.join(", ")
        ),
    }
}

/// Whether a history is what was written; none: nobody says.
pub fn tell_chained(chained: Chained) -> Option<String> {
    match chained {
        Chained::Unsaid => None,
        Chained::Whole { after: 0, up_to } => Some(format!("hash chain checked: whole up to event {up_to}")),
        Chained::Whole { after, up_to } => {
            Some(format!("hash chain checked: whole from event {} up to event {up_to}", after + 1))
        }
        Chained::Broken { at } => {
            Some(format!("hash chain BROKEN at event {at}: it is missing or is not what was written"))
        }
    }
}

/// A finding in one line.
pub fn tell_finding(finding: &Finding) -> String {
    let mark = match finding.decision {
        Decision::Pass => "✓",
        Decision::Fail => "✗",
        Decision::Abstain => "?",
    };
    let label = cut(&clean_line(&finding.label), QUOTE_SHOWN_MAX);
    let by = finding.model.as_ref().map_or_else(String::new, |model| format!(" ({model})"));
    if finding.evidence.trim().is_empty() {
        return format!("{mark} {label}{by}");
    }
    let quote = finding.quote.as_deref().filter(|quote| !quote.trim().is_empty());
    let quote = quote.map_or_else(String::new, |quote| format!(" \u{201c}{}\u{201d}", shown(quote)));
    format!("{mark} {label}: {}{quote}{by}", shown(&finding.evidence))
}

/// How an attempt stands, in a word or two.
pub fn tell_attempt_state(view: &AttemptView) -> String {
    let repair = if view.repair { ", repair" } else { "" };
    let state = view.state.known().copied();
    let state = state.map_or_else(|| view.state.to_string(), |state: AttemptState| state.to_string());
    format!("{state}{repair}")
}

fn attempt_of(story: &JobStory, number: AttemptNumber) -> Option<&AttemptView> {
    story.attempts.iter().find(|view| view.number == number)
}

fn agent_of(story: &JobStory, number: AttemptNumber) -> String {
    attempt_of(story, number).map_or_else(|| format!("attempt {number}"), |view| view.agent.to_string())
}

fn name_of(story: &JobStory, agent: AgentId) -> String {
    let known = story.agents.iter().find(|(known, _)| *known == agent);
    known.map_or_else(|| format!("agent {}", agent.0), |(_, name)| name.to_string())
}

fn shown(text: &str) -> String {
    cut(&clean_line(text), QUOTE_SHOWN_MAX)
}

fn tell_reviewer(reviewer: Reviewer) -> &'static str {
    match reviewer {
        Reviewer::Client => "the client",
        Reviewer::Operator => "an operator",
    }
}

fn tell_held(why: HeldWhy) -> &'static str {
    match why {
        HeldWhy::Unclear => "nobody knows whether the work was done, and doing it twice may do harm",
        HeldWhy::Poison => "too many daemons died while they worked on it",
    }
}

fn tell_actor(story: &JobStory, actor: Actor) -> String {
    match actor {
        Actor::User(user) if user == story.head.client => "the client".to_owned(),
        Actor::Daemon => "the daemon".to_owned(),
        Actor::User(user) => user.to_string(),
        Actor::Agent(agent) => agent.to_string(),
    }
}
