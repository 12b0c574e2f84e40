//! Everything that can be done, in one place: what it is called, which keys do it, where, whether it is dangerous, and
//! whether it can be done now. Keys, footer, help, palette and read-only mode are read from here, so they cannot disagree.

use super::chord::Chord;
use super::enabled::{Now, now};
use super::model::Model;
use guildhall_protocol::permission::JobAction;

/// Something that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Act {
    Quit,
    Back,
    Forward,
    Help,
    Palette,
    /// To the tab with this place in [`TABS`].
    Go(u8),
    Refresh,
    Times,
    Look,
    ActionLog,
    Undo,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Open,
    Mark,
    MarkAll,
    Filter,
    ClearFilter,
    Sort,
    Reverse,
    Find,
    FindNext,
    FindPrevious,
    NextPane,
    PreviousPane,
    NextJob,
    PreviousJob,
    Fold,
    Follow,
    CopyId,
    CopyCommand,
    Job(JobAction),
    PauseAgent,
    ResumeAgent,
    RetireAgent,
    ApproveAgent,
    RefuseAgent,
    TakeAgent,
    TestAgent,
    PauseEngine,
    ResumeEngine,
    Replay,
    Reveal,
    PostJob,
    RegisterAgent,
    NewVersion,
}

/// Where something can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Everywhere,
    /// Where there are rows.
    Lists,
    /// Where a job is shown or chosen.
    Jobs,
    /// In the list of jobs alone.
    JobList,
    /// In a job alone.
    Job,
    /// Where an agent is shown or chosen.
    Agents,
    Events,
    Notices,
}

/// One line of the registry.
pub(crate) struct Entry {
    pub(crate) act: Act,
    /// Its name in the palette and in the file of keys.
    pub(crate) id: &'static str,
    /// What it does, for people.
    pub(crate) does: &'static str,
    /// Its usual keys.
    pub(crate) keys: &'static [&'static str],
    pub(crate) scope: Scope,
    /// Whether it changes anything: then it is not there in read-only mode.
    pub(crate) writes: bool,
}

const fn look(
    act: Act,
    id: &'static str,
    does: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
) -> Entry {
    Entry { act, id, does, keys, scope, writes: false }
}

const fn order(
    act: Act,
    id: &'static str,
    does: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
) -> Entry {
    Entry { act, id, does, keys, scope, writes: true }
}

/// Everything, in the order in which help shows it.
pub(crate) const ENTRIES: [Entry; 73] = [
    look(Act::Up, "up", "one row up", &["k", "up"], Scope::Lists),
    look(Act::Down, "down", "one row down", &["j", "down"], Scope::Lists),
    look(Act::PageUp, "page-up", "one page up", &["pageup", "ctrl-b"], Scope::Lists),
    look(Act::PageDown, "page-down", "one page down", &["pagedown", "ctrl-f"], Scope::Lists),
    look(Act::First, "first", "to the first row", &["g", "home"], Scope::Lists),
    look(Act::Last, "last", "to the last row", &["G", "end"], Scope::Lists),
    look(Act::Open, "open", "open it", &["enter", "right"], Scope::Lists),
    look(Act::Mark, "mark", "mark the row", &["space"], Scope::Jobs),
    look(Act::MarkAll, "mark-all", "mark all that are loaded, all that match, or none", &["*"], Scope::Jobs),
    look(Act::Filter, "filter", "filter: state:failed agent:@sum \"text\"", &["/"], Scope::JobList),
    look(Act::ClearFilter, "clear-filter", "show all again", &["\\"], Scope::Everywhere),
    look(Act::Sort, "sort", "sort by the next column", &["ctrl-s"], Scope::JobList),
    look(Act::Reverse, "reverse", "the other end first", &["alt-s"], Scope::JobList),
    look(Act::Find, "find", "find in the answer", &["/"], Scope::Job),
    look(Act::FindNext, "find-next", "the next place that was found", &["."], Scope::Job),
    look(Act::FindPrevious, "find-previous", "the place before", &[","], Scope::Job),
    look(Act::NextPane, "next-pane", "the next part", &["tab"], Scope::Job),
    look(Act::PreviousPane, "previous-pane", "the part before", &["backtab"], Scope::Job),
    look(Act::NextJob, "next-job", "the next job of the list", &["n"], Scope::Job),
    look(Act::PreviousJob, "previous-job", "the job before", &["p"], Scope::Job),
    look(Act::Fold, "fold", "fold or unfold", &["z"], Scope::Job),
    look(Act::Follow, "follow", "follow, or stand still", &["f"], Scope::Events),
    look(Act::CopyId, "copy-id", "copy its number or name", &["i"], Scope::Lists),
    look(Act::CopyCommand, "copy-command", "copy the command that shows it", &["y"], Scope::Lists),
    order(Act::Job(JobAction::Accept), "accept", "accept the answer", &["a"], Scope::Jobs),
    order(
        Act::Job(JobAction::RequestChanges),
        "request-changes",
        "ask for another attempt",
        &["A"],
        Scope::Jobs,
    ),
    order(Act::Job(JobAction::Dispute), "dispute", "ask an operator to decide", &["D"], Scope::Jobs),
    order(Act::Job(JobAction::Reply), "answer", "answer the question", &["e"], Scope::Jobs),
    order(Act::Job(JobAction::Resend), "resend", "send the same delivery again", &["s"], Scope::Jobs),
    order(Act::Job(JobAction::Reassign), "reassign", "give it to another agent", &["m"], Scope::Jobs),
    order(Act::Job(JobAction::GiveUp), "give-up", "end a held job as failed", &["X"], Scope::Jobs),
    order(Act::Job(JobAction::Exclude), "exclude", "rule an agent out", &["E"], Scope::Jobs),
    order(Act::Job(JobAction::Include), "include", "let an agent get it again", &["I"], Scope::Jobs),
    order(Act::Job(JobAction::Prioritize), "prioritize", "move it to another class", &["!"], Scope::Jobs),
    order(Act::Job(JobAction::Extend), "extend", "give it more time", &["+"], Scope::Jobs),
    order(
        Act::Job(JobAction::Retry),
        "retry",
        "look for an agent now, or post it again",
        &["t"],
        Scope::Jobs,
    ),
    order(
        Act::Job(JobAction::Complain),
        "complain",
        "say that a completed job is not right",
        &["C"],
        Scope::Jobs,
    ),
    order(
        Act::Job(JobAction::Contest),
        "contest",
        "say that an answer was failed wrongly",
        &["O"],
        Scope::Jobs,
    ),
    order(Act::Job(JobAction::Uphold), "uphold", "decide that a complaint is right", &["U"], Scope::Jobs),
    order(Act::Job(JobAction::Reject), "reject", "decide that it is not", &["J"], Scope::Jobs),
    order(Act::Job(JobAction::Cancel), "cancel", "call it off", &["x"], Scope::Jobs),
    order(Act::Reveal, "reveal", "see the texts of a private job", &["v"], Scope::Job),
    order(Act::PostJob, "post", "post a job", &["N"], Scope::Everywhere),
    order(Act::RegisterAgent, "register", "register an agent", &["R"], Scope::Everywhere),
    order(Act::NewVersion, "new-version", "write a new version of it", &["V"], Scope::Agents),
    order(Act::TestAgent, "test", "send challenge and examples", &["t"], Scope::Agents),
    order(Act::PauseAgent, "pause", "no new jobs for it", &["s"], Scope::Agents),
    order(Act::ResumeAgent, "resume", "let it work again", &["S"], Scope::Agents),
    order(Act::RetireAgent, "retire", "take it away for good", &["X"], Scope::Agents),
    order(Act::ApproveAgent, "approve", "let it work for others, as it wants", &["a"], Scope::Agents),
    order(Act::RefuseAgent, "refuse", "do not let it work for others", &["A"], Scope::Agents),
    order(Act::TakeAgent, "take", "take it, since it is offered to you", &["+"], Scope::Agents),
    order(Act::Replay, "replay", "tell it again", &["t"], Scope::Notices),
    order(Act::PauseEngine, "pause-engine", "no new attempts anywhere", &[], Scope::Everywhere),
    order(Act::ResumeEngine, "resume-engine", "new attempts again", &[], Scope::Everywhere),
    look(Act::Undo, "undo", "take back what was ordered just now", &["u"], Scope::Everywhere),
    look(Act::Go(0), "overview", "is it healthy?", &["1"], Scope::Everywhere),
    look(Act::Go(1), "jobs", "jobs", &["2"], Scope::Everywhere),
    look(Act::Go(2), "agents", "agents", &["3"], Scope::Everywhere),
    look(Act::Go(3), "inbox", "what waits for you", &["4"], Scope::Everywhere),
    look(Act::Go(4), "events", "what happens", &["5"], Scope::Everywhere),
    look(Act::Go(5), "notices", "what people were told", &["6"], Scope::Everywhere),
    look(Act::Go(6), "log", "the daemon's log", &["7"], Scope::Everywhere),
    look(Act::Go(7), "people", "people", &["8"], Scope::Everywhere),
    look(Act::Back, "back", "back", &["[", "alt-left", "left"], Scope::Everywhere),
    look(Act::Forward, "forward", "forward", &["]", "alt-right"], Scope::Everywhere),
    look(Act::Palette, "palette", "everything by name", &[":"], Scope::Everywhere),
    look(Act::Help, "help", "what can be done here", &["?", "f1"], Scope::Everywhere),
    look(Act::ActionLog, "actions", "what was ordered from here", &["L"], Scope::Everywhere),
    look(Act::Times, "times", "relative, local or UTC times", &["T"], Scope::Everywhere),
    look(Act::Look, "look", "other colors", &["f2"], Scope::Everywhere),
    look(
        Act::Refresh,
        "refresh",
        "read again; when there is no daemon, try again",
        &["r", "ctrl-r"],
        Scope::Everywhere,
    ),
    look(Act::Quit, "quit", "leave", &["q", "ctrl-c"], Scope::Everywhere),
];

/// A key and what it does now.
pub(crate) struct Binding {
    pub(crate) chord: Chord,
    pub(crate) entry: &'static Entry,
    pub(crate) now: Now,
}

/// What the keys do now: those of what can be done here, the more special first.
pub(crate) fn keymap(model: &Model) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for entry in &ENTRIES {
        let state = now(model, entry);
        if state == Now::Absent {
            continue;
        }
        for chord in model.keys.of(entry) {
            bindings.push(Binding { chord, entry, now: state.clone() });
        }
    }
    bindings
}

/// The line of something that can be done.
pub(crate) fn entry(act: Act) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.act == act)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::permission::JOB_ACTIONS;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_there_once_and_every_key_is_one() {
        let mut ids = BTreeSet::new();
        let mut acts = BTreeSet::new();
        for entry in &ENTRIES {
            assert!(ids.insert(entry.id), "{}", entry.id);
            assert!(acts.insert(entry.act), "{}", entry.id);
            for key in entry.keys {
                assert!(key.parse::<Chord>().is_ok(), "{}: {key}", entry.id);
            }
        }
    }

    #[test]
    fn no_key_does_two_things_in_one_place() {
        let overlap = |one: Scope, other: Scope| {
            let anywhere = |scope| matches!(scope, Scope::Everywhere | Scope::Lists);
            let of_jobs = |scope| matches!(scope, Scope::Jobs | Scope::Job);
            let in_list = |scope| matches!(scope, Scope::JobList | Scope::Jobs);
            one == other
                || (in_list(one) && in_list(other))
                || anywhere(one)
                || anywhere(other)
                || (of_jobs(one) && of_jobs(other))
        };
        for (place, entry) in ENTRIES.iter().enumerate() {
            for other in &ENTRIES[place + 1..] {
                let shared = entry.keys.iter().find(|key| other.keys.contains(key));
                if let Some(key) = shared {
                    assert!(!overlap(entry.scope, other.scope), "{key}: {} and {}", entry.id, other.id);
                }
            }
        }
    }

    #[test]
    fn every_action_of_a_job_is_there() {
        for action in JOB_ACTIONS {
            // A corrected job is written in a form.
            assert!(action == JobAction::Again || entry(Act::Job(action)).is_some(), "{}", action.name());
        }
    }
}
