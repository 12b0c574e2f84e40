//! What must be seen whatever the size: numbers whole, the main keys, what can be taken back.

use super::{Desk, job_head};
use crate::dash::row::Row;
use crate::dash::screen::Screen;
use guildhall_protocol::overview::ModelBudget;
use guildhall_protocol::time::Timestamp;

/// Stands on the line of the overview that begins so, and opens it.
fn opens(desk: &mut Desk, line: &str) {
    desk.presses(&["1", "g"]);
    for _ in 0..60 {
        let cursor = desk.model.cursor();
        let shown = desk.text();
        let row = shown.lines().nth(1 + cursor.at - cursor.top).unwrap_or_default();
        if row.trim_start().starts_with(line) {
            desk.presses(&["enter"]);
            return;
        }
        desk.presses(&["j"]);
    }
    panic!("{line:?} is no line of it:\n{}", desk.text());
}

#[test]
fn numbers_of_overview_and_agent_are_never_cut() {
    let agent = "@gist".parse().expect("a name");
    for screen in [Screen::Overview, Screen::Agent(agent)] {
        for (width, height) in [(200, 60), (120, 36), (80, 24), (60, 40), (40, 40)] {
            let mut desk = Desk::new(width, height);
            desk.goes(screen.clone());
            // Words may be cut at forty columns, numbers not.
            let cut = desk.text().lines().any(|line| {
                line.ends_with('…') && (width >= 80 || line.contains("within") || line.contains("circuits"))
            });
            assert!(!cut, "{screen:?} {width}x{height}\n{}", desk.text());
        }
    }
    let mut desk = Desk::new(80, 24);
    desk.goes(Screen::Overview);
    desk.sees("half within 12 ms, 19 of 20 within 149 ms");
    desk.sees("half within 840 ms, 19 of 20 within 2.6 s");
    desk.sees("no model is configured");
}

#[test]
fn every_number_of_the_overview_opens_what_it_counts() {
    let mut desk = Desk::new(80, 40);
    for (line, filter) in [
        ("posted", "age<10m"),
        ("completed", "state:completed changed<10m sort:changed"),
        ("failed", "state:failed,expired changed<10m sort:changed"),
        ("wait", "state:open sort:-posted"),
        ("4 attempts silent since the start 10m ago", "ended:silent changed<10m"),
    ] {
        opens(&mut desk, line);
        assert_eq!(desk.model.filter_text, filter, "{line}");
    }
    opens(&mut desk, "run");
    assert_eq!(*desk.model.screen(), Screen::Agents);
    opens(&mut desk, "circuits: 10 well, 1 open");
    assert_eq!(*desk.model.screen(), Screen::Agents);
    opens(&mut desk, "no model is configured");
    desk.sees("guildhall llm status");
}

#[test]
fn what_is_counted_since_the_start_says_so() {
    let mut desk = Desk::new(80, 40);
    let market = |desk: &mut Desk| {
        let overview = desk.model.data.overview.value.as_mut().expect("it was read");
        overview
            .market
            .as_mut()
            .map(|market| (&mut market.series.since, &mut market.failures, &mut market.models))
            .map(|(since, failures, models)| {
                *since = Timestamp(super::NOW.0 - 130_000);
                failures.clear();
                *models =
                    Some(ModelBudget { on: false, spent: "0.5".parse().expect("an amount"), limit: None });
            })
    };
    market(&mut desk).expect("an operator sees the market");
    desk.sees("Since the start 2m ago");
    desk.sees("no attempt has failed since the start 2m ago");
    desk.sees("(switched off)");
}

#[test]
fn the_first_keys_of_the_footer_are_those_that_matter() {
    let mut desk = Desk::new(40, 8);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2"]);
    desk.sees(" x cancel  t retry");
    let mut desk = Desk::new(80, 24);
    desk.presses(&["4"]);
    assert!(matches!(desk.model.chosen_row(), Some(Row::Job(_))));
    desk.sees(" a accept  A request-changes  D dispute  x cancel");
    let mut desk = Desk::new(80, 24);
    desk.presses(&["1"]);
    desk.sees(" enter open");
}

#[test]
fn what_can_be_taken_back_says_the_key_first_and_covers_no_row() {
    for (width, height) in [(80, 24), (40, 8)] {
        let mut desk = Desk::new(width, height);
        desk.jobs = (1..=60).rev().map(job_head).collect();
        desk.presses(&["2", "x", "y"]);
        desk.sees("u takes it back, 5 s: Cancel #60");
        // The last row is there, above what was told.
        desk.presses(&["G"]);
        let shown = desk.text();
        let last = shown.lines().position(|line| line.contains("chapter 1 ") || line.contains("chapter 1…"));
        let told = shown.lines().position(|line| line.contains("u takes it back"));
        let last = last.or_else(|| shown.lines().position(|line| line.trim_start().starts_with("1 ")));
        assert!(last.is_some() && last < told, "{shown}");
        desk.loses();
        desk.sees("r tries again now, q leaves");
        desk.sees("u takes it back, sent when the d");
    }
}

#[test]
fn a_paused_engine_hides_neither_the_person_nor_the_lock() {
    let mut desk = Desk::new(80, 24);
    desk.model.read_only = true;
    desk.model.data.status.value.as_mut().expect("it was read").paused = true;
    desk.sees("read-only ada (operator) PAUSED");
}

#[test]
fn what_is_filtered_stands_above_the_heads_of_the_columns_and_once() {
    let mut desk = Desk::new(80, 24);
    desk.presses(&["2"]);
    let line = |desk: &Desk, at| desk.text().lines().nth(at).expect("a line").to_owned();
    assert_eq!(line(&desk, 1), " all jobs");
    let heads = line(&desk, 2);
    assert!(heads.contains("State") && heads.contains("Age"), "{heads}");
    desk.presses(&["ctrl-s", "ctrl-s", "alt-s", "/"]);
    desk.types(" state:completed");
    desk.presses(&["enter", "space"]);
    let told = line(&desk, 1);
    assert!(told.contains("1 marked"), "{told}");
    assert!(told.contains("/state:completed") && told.contains("by posted, lowest first"), "{told}");
    assert!(!told.contains("sort:"), "it is said once: {told}");
    assert_eq!(line(&desk, 2), heads);
}

#[test]
fn agents_of_events_are_called_by_their_names() {
    let mut desk = Desk::new(80, 24);
    desk.presses(&["5"]);
    let agents = desk.model.data.agents.value.as_ref().expect("they are read for it");
    let name = agents.iter().find(|head| head.id.0 == 10).map(|head| head.name.to_string());
    desk.sees(&format!("by {}", name.expect("there is one")));
    desk.model.data.agents.value = Some(Vec::new());
    desk.sees("by agent 10");
}
