//! What lies over a view: help, the palette, a line to type, a question before something is done.

use super::action::Act;
use super::command::Command;
use super::form::Form;
use guildhall_protocol::agent::{AgentDefinition, AgentName};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::ids::{NotificationId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::listing::JobFilter;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::view::{AgentOrder, EngineOrder, HoldOrder, Order, RegisterOptions};
use tui_input::Input;

/// One of them.
#[derive(Clone, Debug)]
pub(crate) enum Overlay {
    /// What can be done here.
    Help { top: usize },
    /// Everything by name.
    Palette { input: Input, at: usize },
    /// The filter of the jobs.
    Filter {
        input: Input,
        trouble: Option<String>,
        /// How many steps back among the filters of before it shows; 0: what is typed.
        back: usize,
        /// What was typed before somebody looked back.
        typed: String,
    },
    /// A search in what is shown.
    Find { input: Input },
    /// A question before something is done.
    Confirm(Box<Confirm>),
    /// Whether to leave although what was ordered is not done.
    Leave,
    /// What was ordered from here.
    Actions { at: usize },
    /// What is written before it is sent.
    Form(Box<Form>),
    /// What came of it, until somebody has read it.
    Told { title: String, lines: Vec<String>, top: usize },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    Jobs {
        jobs: Vec<Target>,
        order: Order,
    },
    /// All that a filter admits, as many as were counted.
    Matching {
        matching: Box<Matching>,
        order: Order,
    },
    Agent {
        name: AgentName,
        order: AgentOrder,
    },
    /// Whose an agent is, and for whom it works.
    Hold {
        name: AgentName,
        order: HoldOrder,
    },
    TestAgent {
        name: AgentName,
    },
    /// Posts a job, once under this request.
    Post {
        request: RequestId,
        draft: Box<JobDraft>,
    },
    Register {
        request: RequestId,
        definition: Box<AgentDefinition>,
        options: RegisterOptions,
    },
    /// A new version of an agent.
    Update {
        request: RequestId,
        definition: Box<AgentDefinition>,
        options: RegisterOptions,
    },
    Engine {
        order: EngineOrder,
        reason: Option<String>,
    },
    Replay {
        notice: NotificationId,
    },
    /// Shows the texts of somebody's private job.
    Reveal {
        job: JobId,
        reason: String,
    },
}

/// A job that an order is about, as the person saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) job: JobId,
    /// The order is refused if it is another one by now.
    pub(crate) epoch: u64,
    pub(crate) title: String,
}

/// All jobs that a filter admitted when they were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matching {
    pub(crate) filter: JobFilter,
    /// The filter for people.
    pub(crate) text: String,
    pub(crate) count: u64,
}

/// A line of a question.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) required: bool,
    pub(crate) input: Input,
}

/// A question before something is done. It starts on "no".
#[derive(Clone, Debug)]
pub(crate) struct Confirm {
    pub(crate) title: String,
    /// What it does, in words.
    pub(crate) effect: String,
    /// Whether it can be taken back, and how, in words.
    pub(crate) back: String,
    pub(crate) deed: Deed,
    pub(crate) fields: Vec<Field>,
    /// How many must be typed, when many would be hit.
    pub(crate) typed: Option<(usize, Input)>,
    /// Which part has the focus: fields, the number, then "no", then "yes".
    pub(crate) focus: usize,
    pub(crate) trouble: Option<String>,
}

/// More jobs than this at once must be counted by the person.
pub(crate) const COUNTED_FROM: usize = 21;

/// What has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    Field(usize),
    Number,
    No,
    Yes,
}

impl Confirm {
    /// What has the focus.
    pub(crate) fn focused(&self) -> Focus {
        let lines = self.fields.len();
        let counted = usize::from(self.typed.is_some());
        match self.focus {
            place if place < lines => Focus::Field(place),
            place if place < lines + counted => Focus::Number,
            place if place == lines + counted => Focus::No,
            _ => Focus::Yes,
        }
    }

    /// The next part, or the one before.
    pub(crate) fn turn(&mut self, step: isize) {
        let parts = self.fields.len() + usize::from(self.typed.is_some()) + 2;
        let parts = isize::try_from(parts).unwrap_or(2);
        let focus = isize::try_from(self.focus).unwrap_or(0);
        self.focus = usize::try_from((focus + step).rem_euclid(parts)).unwrap_or(0);
    }

    /// Puts the focus on this.
    pub(crate) fn choose(&mut self, part: Focus) {
        let lines = self.fields.len();
        let counted = usize::from(self.typed.is_some());
        self.focus = match part {
            Focus::Field(place) => place.min(lines),
            Focus::Number => lines,
            Focus::No => lines + counted,
            Focus::Yes => lines + counted + 1,
        };
    }

    /// What must be said and is not.
    pub(crate) fn unsaid(&self) -> Option<String> {
        let empty = self.fields.iter().find(|field| field.required && field.input.value().trim().is_empty());
        empty.map(|field| format!("{} is needed", field.label))
    }

    /// What is missing before it can be done.
    pub(crate) fn missing(&self) -> Option<String> {
        if let Some(unsaid) = self.unsaid() {
            return Some(unsaid);
        }
        let (count, input) = self.typed.as_ref()?;
        (input.value().trim() != count.to_string())
            .then(|| format!("type {count} to say that you mean all of them"))
    }
}

/// What one has to say with an action on jobs: label, hint, whether it must be said.
pub(crate) fn fields(action: JobAction) -> Vec<Field> {
    let field = |label, hint, required| Field { label, hint, required, input: Input::default() };
    match action {
        JobAction::RequestChanges => vec![field("What is wrong", "the agent reads it", true)],
        JobAction::Dispute => vec![field("Why", "an operator reads it", true)],
        JobAction::Reply => vec![field("Answer", "text, or JSON where it was asked for", true)],
        JobAction::Reassign => vec![field("To", "@agent; empty: the best that is left", false), reason()],
        JobAction::Exclude | JobAction::Include => vec![field("Agent", "@agent", true), reason()],
        JobAction::Prioritize => vec![field("Class", "low, normal or high", true), reason()],
        JobAction::Extend => vec![field("Until", "2h, 3d, 18:30 or 2026-11-22T22:00:00Z", true), reason()],
        JobAction::Complain | JobAction::Contest => vec![field("Why", "an operator reads it", true)],
        JobAction::Uphold | JobAction::Reject => vec![field("Reason", "it is kept with the decision", true)],
        JobAction::Cancel | JobAction::GiveUp | JobAction::Resend => vec![reason()],
        JobAction::Again => vec![field("What was wrong", "the first attempt reads it", false)],
        JobAction::Accept | JobAction::Retry => Vec::new(),
    }
}

/// What one has to say with a refusal.
pub(crate) fn refusal() -> Vec<Field> {
    vec![Field { label: "Reason", hint: "its owner reads it", required: true, input: Input::default() }]
}

fn reason() -> Field {
    Field { label: "Reason", hint: "kept in the history", required: false, input: Input::default() }
}

/// What an action does to jobs, in words.
pub(crate) fn effect(action: JobAction) -> &'static str {
    match action {
        JobAction::Cancel => "Ends for good; an agent that works on it is told to stop.",
        JobAction::Retry => "Looks for an agent now; of a job that ended, posts a new one.",
        JobAction::Again => "Posts a corrected job.",
        JobAction::Accept => "Completes with this answer; it counts in the agent's record.",
        JobAction::RequestChanges => "The answer fails, and another attempt is made.",
        JobAction::Dispute => "An operator decides about the answer.",
        JobAction::Reply => "The agent goes on with the answer.",
        JobAction::Resend => "The same delivery goes out again: an agent that did it may do it twice.",
        JobAction::Reassign => "Its agent loses it, and another one gets it.",
        JobAction::GiveUp => "Ends as failed.",
        JobAction::Exclude => "That agent gets no further attempt at it.",
        JobAction::Include => "That agent may get it again.",
        JobAction::Prioritize => "Goes before jobs of a lower class.",
        JobAction::Extend => "Has until then.",
        JobAction::Complain => "An operator decides; the job stays completed.",
        JobAction::Contest => "An operator decides whether the answer was failed wrongly.",
        JobAction::Uphold => "The complaint or contest is right: the agent's record is corrected.",
        JobAction::Reject => "The complaint or contest is not right; nothing changes.",
    }
}

/// What a line of the palette does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opens {
    Act(Act),
    Command(Command),
    /// It wants something behind it.
    Verb(&'static str),
    /// It cannot be done.
    Nothing,
}

/// What the palette finds, best first.
pub(crate) struct Found {
    pub(crate) opens: Opens,
    pub(crate) id: String,
    pub(crate) does: String,
    /// Why it cannot be done now.
    pub(crate) why_not: Option<String>,
}
