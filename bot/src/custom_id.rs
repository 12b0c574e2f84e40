//! What a button or form stands for, as text that Discord keeps: it says everything, so that it works after a restart. Who
//! clicks is authorized by the daemon, every time.

use crate::setup_step::SetupStep;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::JobId;
use std::fmt;
use std::str::FromStr;

/// The version of this form.
const VERSION: &str = "v1";

/// What a button does, or a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CustomId {
    /// Accepts the answer that was seen in this epoch of the job.
    Accept { job: JobId, epoch: u64 },
    /// Opens the form that says what is wrong.
    WhatIsWrong { job: JobId, epoch: u64 },
    /// That form: asks for another attempt.
    RequestChanges { job: JobId, epoch: u64 },
    /// Opens the form that says why an operator must decide.
    WhyDispute { job: JobId, epoch: u64 },
    /// That form.
    Dispute { job: JobId, epoch: u64 },
    /// Opens the form for the answer to a question.
    AnswerForm { job: JobId },
    /// That form: answers what was asked in this epoch of the job.
    Answer { job: JobId, epoch: u64 },
    /// Asks whether a job is to be called off.
    MayCancel { job: JobId },
    /// Calls it off.
    Cancel { job: JobId },
    /// Leaves things as they are.
    Keep,
    /// Retires an agent.
    Retire { agent: AgentName },
    /// The form of a new agent.
    Register,
    /// Opens that form again, with what was written.
    EditAgent { draft: u64 },
    /// Makes a new version of an agent, of what is kept as a draft.
    NewVersion { draft: u64 },
    /// Makes a link to new secrets of an agent; those before count on for so long, ms.
    Rotate { agent: AgentName, overlap_ms: u64 },
    /// Opens the form to post a job once more.
    AgainForm { job: JobId },
    /// That form.
    Again { job: JobId },
    /// Shows a job to whoever asks.
    Show { job: JobId },
    /// Puts the card of a job into this channel.
    CardHere { job: JobId },
    /// Opens the thread of a job.
    OpenThread { job: JobId },
    /// Shows what was chosen in the inbox.
    Look,
    /// A page of a list, after this job.
    List { after: i64 },
    /// The form of a new job; with what was given beside it, kept as a draft.
    Post { draft: Option<u64> },
    /// Opens that form again, with what was typed.
    EditPost { draft: u64 },
    /// Posts a draft as it is.
    PostDraft { draft: u64 },
    /// Posts the jobs of a file that is kept as a draft.
    PostMany { draft: u64 },
    /// Consents to this version of the privacy policy, and posts a draft.
    Consent { version: String, draft: u64 },
    /// Notices of this kind no more.
    Silence { kind: String },
    /// Notices of this kind as usual.
    Unsilence { kind: String },
    /// Joins accounts by a code.
    Join { code: String },
    /// A part of settling something for a server.
    Setup(SetupStep),
}

impl fmt::Display for CustomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}:")?;
        match self {
            Self::Accept { job, epoch } => write!(f, "accept:{}:{epoch}", job.0),
            Self::WhatIsWrong { job, epoch } => write!(f, "wrong:{}:{epoch}", job.0),
            Self::RequestChanges { job, epoch } => write!(f, "changes:{}:{epoch}", job.0),
            Self::WhyDispute { job, epoch } => write!(f, "why:{}:{epoch}", job.0),
            Self::Dispute { job, epoch } => write!(f, "dispute:{}:{epoch}", job.0),
            Self::AnswerForm { job } => write!(f, "asked:{}", job.0),
            Self::Answer { job, epoch } => write!(f, "answer:{}:{epoch}", job.0),
            Self::MayCancel { job } => write!(f, "maycancel:{}", job.0),
            Self::Cancel { job } => write!(f, "cancel:{}", job.0),
            Self::Keep => f.write_str("keep"),
            Self::Retire { agent } => write!(f, "retire:{agent}"),
            Self::Register => f.write_str("register"),
            Self::EditAgent { draft } => write!(f, "editagent:{draft}"),
            Self::NewVersion { draft } => write!(f, "newversion:{draft}"),
            Self::Rotate { agent, overlap_ms } => write!(f, "rotate:{agent}:{overlap_ms}"),
            Self::AgainForm { job } => write!(f, "againform:{}", job.0),
            Self::Again { job } => write!(f, "again:{}", job.0),
            Self::Show { job } => write!(f, "show:{}", job.0),
            Self::CardHere { job } => write!(f, "card:{}", job.0),
            Self::OpenThread { job } => write!(f, "thread:{}", job.0),
            Self::Look => f.write_str("look"),
            Self::List { after } => write!(f, "list:{after}"),
            Self::Post { draft: None } => f.write_str("post"),
            Self::Post { draft: Some(draft) } => write!(f, "post:{draft}"),
            Self::EditPost { draft } => write!(f, "editpost:{draft}"),
            Self::PostDraft { draft } => write!(f, "postdraft:{draft}"),
            Self::PostMany { draft } => write!(f, "postmany:{draft}"),
            Self::Consent { version, draft } => write!(f, "consent:{version}:{draft}"),
            Self::Silence { kind } => write!(f, "silence:{kind}"),
            Self::Unsilence { kind } => write!(f, "unsilence:{kind}"),
            Self::Join { code } => write!(f, "join:{code}"),
            Self::Setup(step) => write!(f, "setup:{step}"),
        }
    }
}

/// Text that is none of ours, or of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this button is from another version of the bot: ask for the job again with `/job show`")]
pub(crate) struct CustomIdError;

impl FromStr for CustomId {
    type Err = CustomIdError;

    fn from_str(text: &str) -> Result<Self, CustomIdError> {
        let parts: Vec<&str> = text.split(':').collect();
        let [VERSION, verb, rest @ ..] = parts.as_slice() else { return Err(CustomIdError) };
        let number = |place: usize| {
            let text: &&str = rest.get(place).ok_or(CustomIdError)?;
            text.parse::<u64>().map_err(|_| CustomIdError)
        };
        let job = || Ok::<_, CustomIdError>(JobId(i64::try_from(number(0)?).map_err(|_| CustomIdError)?));
        let word = |place: usize| rest.get(place).map(|word| (*word).to_owned()).ok_or(CustomIdError);
        Ok(match *verb {
            "accept" => Self::Accept { job: job()?, epoch: number(1)? },
            "wrong" => Self::WhatIsWrong { job: job()?, epoch: number(1)? },
            "changes" => Self::RequestChanges { job: job()?, epoch: number(1)? },
            "why" => Self::WhyDispute { job: job()?, epoch: number(1)? },
            "dispute" => Self::Dispute { job: job()?, epoch: number(1)? },
            "asked" => Self::AnswerForm { job: job()? },
            "answer" => Self::Answer { job: job()?, epoch: number(1)? },
            "maycancel" => Self::MayCancel { job: job()? },
            "cancel" => Self::Cancel { job: job()? },
            "keep" => Self::Keep,
            "retire" => Self::Retire { agent: word(0)?.parse().map_err(|_| CustomIdError)? },
            "register" => Self::Register,
            "editagent" => Self::EditAgent { draft: number(0)? },
            "newversion" => Self::NewVersion { draft: number(0)? },
            "rotate" => {
                Self::Rotate { agent: word(0)?.parse().map_err(|_| CustomIdError)?, overlap_ms: number(1)? }
            }
            "againform" => Self::AgainForm { job: job()? },
            "again" => Self::Again { job: job()? },
            "show" => Self::Show { job: job()? },
            "card" => Self::CardHere { job: job()? },
            "thread" => Self::OpenThread { job: job()? },
            "look" => Self::Look,
            "list" => Self::List { after: job()?.0 },
            "post" if rest.is_empty() => Self::Post { draft: None },
            "post" => Self::Post { draft: Some(number(0)?) },
            "editpost" => Self::EditPost { draft: number(0)? },
            "postdraft" => Self::PostDraft { draft: number(0)? },
            "postmany" => Self::PostMany { draft: number(0)? },
            "consent" => Self::Consent { version: word(0)?, draft: number(1)? },
            "silence" => Self::Silence { kind: word(0)? },
            "unsilence" => Self::Unsilence { kind: word(0)? },
            "join" => Self::Join { code: word(0)? },
            "setup" => Self::Setup(SetupStep::read(rest).ok_or(CustomIdError)?),
            _ => return Err(CustomIdError),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_leads_back_and_fits() {
        let (job, epoch) = (JobId(i64::MAX), u64::MAX);
        for id in [
            CustomId::Accept { job, epoch },
            CustomId::WhatIsWrong { job, epoch },
            CustomId::RequestChanges { job, epoch },
            CustomId::WhyDispute { job, epoch },
            CustomId::Dispute { job, epoch },
            CustomId::AnswerForm { job },
            CustomId::Answer { job, epoch },
            CustomId::MayCancel { job },
            CustomId::Cancel { job },
            CustomId::Keep,
            CustomId::Retire { agent: format!("@{}", "a".repeat(32)).parse().expect("a name") },
            CustomId::Register,
            CustomId::EditAgent { draft: epoch },
            CustomId::NewVersion { draft: epoch },
            CustomId::Rotate {
                agent: format!("@{}", "a".repeat(32)).parse().expect("a name"),
                overlap_ms: epoch,
            },
            CustomId::AgainForm { job },
            CustomId::Again { job },
            CustomId::Show { job },
            CustomId::Look,
            CustomId::CardHere { job },
            CustomId::OpenThread { job },
            CustomId::List { after: 7 },
            CustomId::Post { draft: None },
            CustomId::Post { draft: Some(epoch) },
            CustomId::EditPost { draft: epoch },
            CustomId::PostDraft { draft: epoch },
            CustomId::PostMany { draft: epoch },
            CustomId::Consent { version: "0123456789ab".to_owned(), draft: epoch },
            CustomId::Silence { kind: "agent_assigned".to_owned() },
            CustomId::Unsilence { kind: "agent_assigned".to_owned() },
            CustomId::Join { code: "K7QM-2XWD".to_owned() },
            CustomId::Setup(SetupStep::Board),
            CustomId::Setup(SetupStep::Agents { after: i64::MAX, last: i64::MAX }),
        ] {
            let text = id.to_string();
            assert!(text.len() <= 100, "{text}");
            assert_eq!(text.parse(), Ok(id));
        }
        for wrong in [
            "",
            "v1",
            "v1:",
            "v1:accept",
            "v1:accept:x:1",
            "v1:accept:1",
            "v2:keep",
            "v1:show:-1",
            "v1:setup:sing",
            "v1:setup",
            "job-12-accept",
        ] {
            assert_eq!(wrong.parse::<CustomId>(), Err(CustomIdError), "{wrong}");
        }
    }
}
