//! What people are told, and by which way.

use crate::account::Identity;
use crate::ids::{AttemptNumber, JobId, NotificationId, UserId};
use crate::time::Timestamp;
use crate::view::{AgentHead, AppealView, JobHead};
use crate::wire::Wire;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A way to reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The daemon's log: who runs the daemon reads it.
    Log,
    /// A signed POST to a URL of the person's.
    Webhook,
    /// A direct message on Discord, sent by the bot.
    Discord,
}

impl Channel {
    /// Every channel once.
    pub const ALL: [Self; 3] = [Self::Log, Self::Webhook, Self::Discord];

    /// The name in storage and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Webhook => "webhook",
            Self::Discord => "discord",
        }
    }

    /// The channel with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Client: nobody can take your job now.
    JobWaiting,
    /// Client: an agent or the marketplace asks you something.
    Question,
    /// Client, or operators after a dispute: decide on an answer.
    ReviewWanted,
    /// Whoever was asked: the time to answer or decide runs out.
    Reminder,
    /// Client: your job is done.
    JobCompleted,
    /// Client: nobody could do your job.
    JobFailed,
    /// Client: the deadline of your job passed.
    JobExpired,
    /// Client: an operator called your job off.
    JobCanceled,
    /// Client: your job is held for an operator.
    JobHeld,
    /// Operators: a job is held, and somebody must decide.
    OperatorNeeded,
    /// Operators: a complaint or a contest was made.
    AppealMade,
    /// Whoever made it: your complaint or contest was decided.
    AppealDecided,
    /// Owner: your agent got a job.
    AgentAssigned,
    /// Owner: an answer of your agent was judged.
    AgentJudged,
    /// Owner: your agent asked a client something that was answered, or ended without an answer.
    AgentEnded,
    /// Owner: your agent's endpoint said that it is gone, and it is paused.
    AgentGone,
    /// Owner: your agent gets no jobs for a while, since it cannot be reached.
    CircuitOpened,
    /// Owner: your agent gets no jobs until you test it.
    AgentQuarantined,
    /// Owner: your agent gets jobs again.
    CircuitClosed,
    /// Operators: an agent is to work for others, and one of you must approve.
    ApprovalWanted,
    /// Owner: your agent works for others now.
    AgentPublished,
    /// Owner: an operator did not let your agent work for others.
    PublishingRefused,
    /// Whoever it is offered to: you can have an agent.
    AgentOffered,
    /// Owner: whoever you offered your agent to has it now.
    AgentTaken,
    /// Whoever has it: another account is part of yours now.
    AccountJoined,
    /// Operators: most of a day's budget for models is spent.
    BudgetLow,
    /// Operators: a day's budget for models is spent, and work goes on without them.
    BudgetSpent,
}

impl NoticeKind {
    /// Every kind once.
    pub const ALL: [Self; 27] = [
        Self::JobWaiting,
        Self::Question,
        Self::ReviewWanted,
        Self::Reminder,
        Self::JobCompleted,
        Self::JobFailed,
        Self::JobExpired,
        Self::JobCanceled,
        Self::JobHeld,
        Self::OperatorNeeded,
        Self::AppealMade,
        Self::AppealDecided,
        Self::AgentAssigned,
        Self::AgentJudged,
        Self::AgentEnded,
        Self::AgentGone,
        Self::CircuitOpened,
        Self::AgentQuarantined,
        Self::CircuitClosed,
        Self::ApprovalWanted,
        Self::AgentPublished,
        Self::PublishingRefused,
        Self::AgentOffered,
        Self::AgentTaken,
        Self::AccountJoined,
        Self::BudgetLow,
        Self::BudgetSpent,
    ];

    /// The name in storage and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::JobWaiting => "job_waiting",
            Self::Question => "question",
            Self::ReviewWanted => "review_wanted",
            Self::Reminder => "reminder",
            Self::JobCompleted => "job_completed",
            Self::JobFailed => "job_failed",
            Self::JobExpired => "job_expired",
            Self::JobCanceled => "job_canceled",
            Self::JobHeld => "job_held",
            Self::OperatorNeeded => "operator_needed",
            Self::AppealMade => "appeal_made",
            Self::AppealDecided => "appeal_decided",
            Self::AgentAssigned => "agent_assigned",
            Self::AgentJudged => "agent_judged",
            Self::AgentEnded => "agent_ended",
            Self::AgentGone => "agent_gone",
            Self::CircuitOpened => "circuit_opened",
            Self::AgentQuarantined => "agent_quarantined",
            Self::CircuitClosed => "circuit_closed",
            Self::ApprovalWanted => "approval_wanted",
            Self::AgentPublished => "agent_published",
            Self::PublishingRefused => "publishing_refused",
            Self::AgentOffered => "agent_offered",
            Self::AgentTaken => "agent_taken",
            Self::AccountJoined => "account_joined",
            Self::BudgetLow => "budget_low",
            Self::BudgetSpent => "budget_spent",
        }
    }

    /// The kind with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a person wants to be told, and by which clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where signed notices are posted to: an `https` URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Operators only: the webhook may be private or plain http.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub webhook_private: bool,
    /// Kinds that go elsewhere than usual; none at all: not told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<NoticeKind, Vec<Channel>>,
    /// The IANA name of the time zone of clock times that they type and read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

impl Settings {
    /// By which ways a notice of this kind goes: those that were said, else the webhook if there is one, else Discord for
    /// whoever is known there, else the log.
    pub fn channels(&self, kind: NoticeKind, on_discord: bool) -> Vec<Channel> {
        match self.kinds.get(&kind) {
            Some(channels) => channels.clone(),
            None if self.webhook.is_some() => vec![Channel::Webhook],
            None if on_discord => vec![Channel::Discord],
            None => vec![Channel::Log],
        }
    }
}

/// What was changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsSet {
    /// The settings in force.
    pub settings: Settings,
    /// Verifies what is posted to a new webhook: `whsec_...`; none when the webhook is the same or gone.
    pub webhook_secret: Option<String>,
}

impl fmt::Debug for SettingsSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsSet").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A notice as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct NoticeView {
    pub id: NotificationId,
    pub user: UserId,
    pub channel: Wire<Channel>,
    pub kind: Wire<NoticeKind>,
    pub job: Option<JobId>,
    pub attempt: Option<AttemptNumber>,
    pub made_at: Timestamp,
    /// When it goes out, or again; none when it is done with.
    pub due_at: Option<Timestamp>,
    pub tries: u32,
    /// When the channel took it.
    pub acknowledged_at: Option<Timestamp>,
    /// What happened.
    pub text: String,
    /// What to do next.
    pub next: String,
}

/// A notice with what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeStory {
    /// The notice.
    pub notice: NoticeView,
    /// Each try: when, whether the channel took it, and what it said.
    pub log: Vec<(Timestamp, bool, String)>,
}

/// A notice handed out to a front end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeasedNotice {
    /// The notice.
    pub notice: NoticeView,
    /// Names the lease, to be given back with what became of it.
    pub lease: i64,
    /// Others of the same person and kind that are told with it, in the notice's own words; each is settled too.
    pub with: Vec<NotificationId>,
    /// Their jobs, each once, without the notice's own.
    #[serde(default)]
    pub jobs: Vec<JobId>,
    /// How whoever is told is known on the channel; none: no longer.
    #[serde(default)]
    pub to: Option<Identity>,
    /// Whether they took nothing on the channel when they were last tried, not long ago: not to be tried there now.
    #[serde(default)]
    pub closed: bool,
    /// Addresses of messages on the channel that show its job, if it is the reader's own: where they may be found otherwise.
    #[serde(default)]
    pub shown_at: Vec<String>,
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeOutcome {
    /// The channel took it.
    Taken,
    /// Not now: it is handed out again after a while.
    Later,
    /// Never: there is no such person, or they took the channel away.
    Refused,
    /// It was told where its job is shown, and the channel itself was not tried.
    Shown,
    /// They take nothing on the channel now, and were told where their job is shown.
    Elsewhere,
    /// They take nothing on the channel now, and nothing else reaches them.
    Closed,
}

/// Everything that waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inbox {
    /// Jobs that wait for the caller's answer or decision, as their client.
    pub mine: Vec<JobHead>,
    /// Jobs that wait for an operator; empty for who is none.
    pub operators: Vec<JobHead>,
    /// Complaints and contests that wait for an operator.
    pub appeals: Vec<AppealView>,
    /// Agents that wait for an operator's approval; empty for who is none.
    #[serde(default)]
    pub approvals: Vec<AgentHead>,
    /// Agents that are offered to the caller.
    #[serde(default)]
    pub offers: Vec<AgentHead>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_go_where_their_reader_said() {
        let mut settings = Settings::default();
        assert_eq!(settings.channels(NoticeKind::Question, false), [Channel::Log]);
        assert_eq!(settings.channels(NoticeKind::Question, true), [Channel::Discord]);
        settings.webhook = Some("https://people.example/hook".to_owned());
        settings.kinds.insert(NoticeKind::AgentAssigned, Vec::new());
        assert_eq!(settings.channels(NoticeKind::Question, true), [Channel::Webhook]);
        assert_eq!(settings.channels(NoticeKind::AgentAssigned, true), [], "switched off");
    }

    #[test]
    fn names_lead_back_and_serde_agrees() {
        for kind in NoticeKind::ALL {
            assert_eq!(NoticeKind::from_name(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("it prints"), kind.name());
        }
        for channel in Channel::ALL {
            assert_eq!(Channel::from_name(channel.name()), Some(channel));
            assert_eq!(serde_json::to_value(channel).expect("it prints"), channel.name());
        }
    }
}
