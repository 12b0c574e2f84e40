//! The whole machine as a table written out by hand: a row per state, a column per event, `.` for refused.

use super::*;

const COLUMNS: &str =
    "As Mi Ex Ac Pr An La Qu En Un Rp Lp Pa RW Ac Ao Fa Fg OK Ch Di Wp Wd Rs Ra Gu Po Ca De";

/// O open, A assigned, W working, d/a asked by daemon/agent, E evaluating, c/o in review by client/operator,
/// u/p held unclear/poison, C completed, F failed, X canceled, T expired.
const TABLE: [(&str, &str); 14] = [
    //     As Mi Ex Ac Pr An La Qu En Un Rp Lp Pa RW Ac Ao Fa Fg OK Ch Di Wp Wd Rs Ra Gu Po Ca De
    ("O", "A  d  F  .  .  .  E  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  O  .  p  X  T"),
    ("A", ".  .  .  W  A  E  .  a  O  u  .  .  .  .  .  .  .  .  .  .  .  .  .  .  O  .  p  X  T"),
    ("W", ".  .  .  W  W  E  .  a  O  u  .  .  .  .  .  .  .  .  .  .  .  .  .  .  O  .  p  X  T"),
    ("d", ".  .  .  .  .  .  .  .  .  .  O  T  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  X  T"),
    ("a", ".  .  .  .  .  E  .  a  O  .  A  T  .  .  .  .  .  .  .  .  .  .  .  .  O  .  .  X  T"),
    ("E", ".  .  .  .  .  .  .  .  .  .  .  .  C  c  c  o  O  F  .  .  .  .  .  .  .  .  p  X  ."),
    ("c", ".  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  C  O  o  C  o  .  .  .  .  X  ."),
    ("o", ".  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  C  O  .  C  C  .  .  .  .  X  ."),
    ("u", ".  .  .  .  .  E  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  A  O  F  .  X  T"),
    ("p", ".  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  O  F  .  X  T"),
    ("C", ".  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  ."),
    ("F", ".  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  ."),
    ("X", ".  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  ."),
    ("T", ".  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  ."),
];

fn letter(state: JobState) -> &'static str {
    let index = JOB_STATES.iter().position(|known| *known == state).expect("every state is in the list");
    TABLE[index].0
}

#[test]
fn every_state_meets_every_event() {
    assert_eq!(COLUMNS.split_whitespace().count(), JOB_EVENTS.len());
    for (state, (row, cells)) in JOB_STATES.into_iter().zip(TABLE) {
        let cells: Vec<&str> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), JOB_EVENTS.len(), "row {row}");
        for (event, expected) in JOB_EVENTS.into_iter().zip(cells) {
            let next = state.after(event).map_or(".", letter);
            assert_eq!(next, expected, "{state:?} after {event:?}");
        }
    }
}

#[test]
fn lists_hold_everything_once() {
    for list in
        [JOB_STATES.map(|state| format!("{state:?}")).to_vec(), JOB_EVENTS.map(|e| format!("{e:?}")).to_vec()]
    {
        let mut unique = list.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), list.len());
    }
}

#[test]
fn parts_lead_back_to_the_state() {
    for state in JOB_STATES {
        assert_eq!(JobState::from_parts(state.name(), state.detail()), Some(state));
    }
    assert_eq!(JobState::from_parts("open", "client"), None);
}
