//! Forms: what is typed, what is wrong, what is sent, what is kept.

use super::Desk;
use crate::dash::contexts::{Contexts, Written};
use crate::dash::form::Form;
use crate::dash::msg::{Effect, Msg, Outcome};
use crate::dash::overlay::{Deed, Overlay};
use crate::dash::screen::Screen;
use crate::dash::state::{DraftOf, Slot, State};
use crate::dash::theme::{Palette, Theme};
use crate::dash::update::update;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::{Criterion, Priority};
use guildhall_protocol::json::Json;
use guildhall_protocol::view::Posted;
use ratatui::style::Modifier;
use serde_json::json;
use std::collections::BTreeMap;

pub(super) fn form(desk: &Desk) -> &Form {
    match desk.model.overlays.last() {
        Some(Overlay::Form(form)) => form,
        other => panic!("no form: {other:?}"),
    }
}

/// Goes to a field with tab.
pub(super) fn to(desk: &mut Desk, key: &str) {
    let count = form(desk).fields.len();
    for _ in 0..count {
        let form = form(desk);
        if form.fields[form.focus].key == key {
            return;
        }
        desk.presses(&["tab"]);
    }
    panic!(
        "there is no field {key}: {:?}",
        form(desk).fields.iter().map(|field| &field.key).collect::<Vec<_>>()
    );
}

pub(super) fn fills(desk: &mut Desk, key: &str, text: &str) {
    to(desk, key);
    desk.types(text);
}

fn writes_a_job() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.presses(&["N"]);
    desk.sees("Post a job");
    desk.types("Count the words.");
    desk
}

fn kept(desk: &Desk, of: &DraftOf) -> Option<String> {
    let slot = Slot::Draft { endpoint: desk.model.endpoint.clone(), of: of.clone() };
    desk.kept.iter().rev().find(|(other, _)| *other == slot).and_then(|(_, text)| text.clone())
}

fn posts(desk: &Desk) -> Vec<(u64, &Deed)> {
    desk.deeds
        .iter()
        .filter(|(_, deed)| matches!(deed, Deed::Post { .. }))
        .map(|(number, deed)| (*number, deed))
        .collect()
}

#[test]
fn a_job_is_written_field_by_field_and_posted_once() {
    let mut desk = writes_a_job();
    fills(&mut desk, "title", "Words");
    fills(&mut desk, "rules", "max 20 words");
    desk.presses(&["enter"]);
    desk.types("output.count > 0");
    fills(&mut desk, "judges", "It counts all of them");
    fills(&mut desk, "deadline", "2h30m");
    fills(&mut desk, "tags", "text, count");
    to(&mut desk, "priority");
    desk.presses(&["right"]);
    desk.presses(&["ctrl-s"]);
    let (number, deed) = (posts(&desk)[0].0, posts(&desk)[0].1.clone());
    let Deed::Post { request, draft } = deed else { panic!("it is posted") };
    assert_eq!((draft.brief.as_str(), draft.title.as_deref()), ("Count the words.", Some("Words")));
    assert_eq!(draft.within_ms, Some(9_000_000));
    assert_eq!((draft.priority, draft.tags.join("+").as_str()), (Priority::Low, "text+count"));
    let rule = |text: &str| Criterion::Rule(text.to_owned());
    let judged = Criterion::Judge("It counts all of them".to_owned());
    assert_eq!(draft.criteria, [rule("max 20 words"), rule("output.count > 0"), judged]);
    desk.presses(&["ctrl-s", "x"]);
    desk.sees("it is on its way");
    assert_eq!(posts(&desk).len(), 1, "it is posted once");
    assert!(
        kept(&desk, &DraftOf::Job).expect("it is kept").contains(request.as_str()),
        "a crash may come now"
    );
    desk.meets(Msg::Done { number, outcome: Outcome::Posted(Ok(Posted { id: JobId(6), repeated: false })) });
    assert!(desk.model.overlays.is_empty());
    assert_eq!(*desk.model.screen(), Screen::Job(JobId(6)));
    assert_eq!(kept(&desk, &DraftOf::Job), None, "its draft is gone");
    desk.presses(&["N"]);
    assert!(form(&desk).fields[0].is_blank());
    assert_ne!(form(&desk).request, request, "the next job is another one");
}

#[test]
fn what_nobody_knows_is_sent_again_under_the_same_request() {
    let mut desk = writes_a_job();
    desk.presses(&["ctrl-s"]);
    let number = posts(&desk)[0].0;
    let lost = ApiError::new(ErrorKind::Unknown, "the connection was lost");
    desk.meets(Msg::Done { number, outcome: Outcome::Posted(Err(lost)) });
    desk.sees("ctrl-s sends the same again, and it happens once");
    desk.presses(&["esc", "N", "ctrl-s"]);
    let requests: Vec<_> = posts(&desk)
        .into_iter()
        .map(|(_, deed)| if let Deed::Post { request, .. } = deed { request.clone() } else { panic!() })
        .collect();
    assert_eq!((requests.len(), &requests[0]), (2, &requests[1]));
}

#[test]
fn what_is_wrong_is_told_beside_its_field() {
    let mut desk = Desk::new(120, 36);
    desk.presses(&["N", "ctrl-s"]);
    desk.sees("is empty: say what you want done");
    assert!(desk.deeds.is_empty());
    desk.types("x");
    fills(&mut desk, "only", "@sum, no name");
    desk.presses(&["tab"]);
    desk.presses(&["backtab"]);
    desk.sees("\"no name\" is no agent's name");
    fills(&mut desk, "deadline", "soon");
    fills(&mut desk, "policy.attempts_max", "0");
    desk.presses(&["ctrl-s"]);
    desk.sees("something is wrong with Only, and 2 more");
    to(&mut desk, "deadline");
    desk.sees("\"soon\" is not a time");
    to(&mut desk, "policy.attempts_max");
    desk.presses(&["tab", "backtab"]);
    desk.sees("is 30; it must be between 1 and 20");
}

#[test]
fn the_daemons_own_word_stands_beside_its_field_too() {
    let mut desk = writes_a_job();
    fills(&mut desk, "rules", "one");
    fills(&mut desk, "judges", "two");
    desk.presses(&["ctrl-s"]);
    let number = posts(&desk)[0].0;
    let refused = ApiError::new(ErrorKind::Invalid, "no judge can decide this")
        .in_field("criteria[1]")
        .hint("say more");
    desk.meets(Msg::Done { number, outcome: Outcome::Posted(Err(refused)) });
    let form = form(&desk);
    assert_eq!(form.fields[form.focus].key, "judges");
    desk.sees("no judge can decide this say more");
}

#[test]
fn one_agent_that_is_named_says_what_input_it_wants() {
    let mut desk = writes_a_job();
    let schema = json!({"type": "object", "required": ["text"], "properties": {
        "text": {"type": "string", "title": "The text"}, "lines": {"type": "integer", "minimum": 1, "default": 3},
        "tone": {"enum": ["dry", "warm"]}}});
    desk.input_schema = Some(schema.to_string());
    fills(&mut desk, "input", "{\"text\": \"Bees.\", \"other\": [1]}");
    fills(&mut desk, "only", "@gist");
    desk.sees("the input is as @gist wants it");
    desk.sees("The text*");
    fills(&mut desk, "input/tone", "w");
    fills(&mut desk, "input/lines", "x");
    desk.presses(&["ctrl-s"]);
    desk.sees("\"3x\" is not a whole number");
    desk.presses(&["backspace", "ctrl-s"]);
    let Deed::Post { draft, .. } = posts(&desk)[0].1 else { panic!("it is posted") };
    let input = draft.input.as_ref().expect("an input").value();
    assert_eq!(input, json!({"text": "Bees.", "lines": 3, "tone": "warm", "other": [1]}), "nothing is lost");
}

#[test]
fn without_the_agent_the_input_is_any_json_again() {
    let mut desk = writes_a_job();
    fills(&mut desk, "only", "@gist");
    fills(&mut desk, "input/text", "Bees.");
    to(&mut desk, "only");
    desk.presses(&["backspace"; 5]);
    assert!(form(&desk).text("input").contains("\"text\": \"Bees.\""));
    to(&mut desk, "input");
    desk.presses(&["x"]);
    fills(&mut desk, "only", "@gist");
    desk.sees("does not fit the agent's fields: it stays JSON");
    assert!(form(&desk).text("input").ends_with('x'), "and it stays as it is");
}

#[test]
fn the_beginning_of_a_name_is_not_asked_for() {
    let mut desk = writes_a_job();
    fills(&mut desk, "only", "@gist");
    assert_eq!(desk.asked_agents, ["@gist"]);
    desk.presses(&["space", "backspace"]);
    desk.types("er");
    assert_eq!(desk.asked_agents, ["@gist"]);
    desk.no_agent = "@gister".parse().ok();
    desk.presses(&["tab"]);
    desk.sees("there is no such agent");
    assert_eq!(form(&desk).input.agent, None);
}

#[test]
fn a_draft_whose_agent_is_gone_keeps_its_input_as_json() {
    let mut desk = writes_a_job();
    fills(&mut desk, "only", "@gist");
    fills(&mut desk, "input/text", "Bees.");
    desk.presses(&["esc"]);
    let kept = desk.model.drafts[&DraftOf::Job].clone();
    let mut later = Desk::new(120, 36);
    later.model.drafts.insert(DraftOf::Job, kept.clone());
    later.presses(&["N"]);
    assert_eq!(form(&later).text("input/text"), "Bees.", "its fields come with its agent");
    let mut without = Desk::new(120, 36);
    without.model.drafts.insert(DraftOf::Job, kept);
    without.no_agent = "@gist".parse().ok();
    without.presses(&["N"]);
    without.sees("there is no such agent");
    assert_eq!(form(&without).text("input"), "{\n  \"text\": \"Bees.\"\n}");
}

#[test]
fn a_schema_of_a_megabyte_is_written_in_the_editor() {
    let mut desk = writes_a_job();
    let many: serde_json::Map<_, _> =
        (0..30_000).map(|n| (format!("field number {n}"), json!({"type": "string"}))).collect();
    let schema = json!({"type": "object", "properties": many}).to_string();
    assert!(schema.len() > 1_000_000);
    desk.input_schema = Some(schema);
    fills(&mut desk, "only", "@gist");
    desk.sees("its schema is too large for a form: write the input as JSON, ctrl-e opens the editor");
    to(&mut desk, "input");
    desk.presses(&["ctrl-e"]);
    assert_eq!(desk.edited, [(String::new(), ".json")]);
}

#[test]
fn the_editor_gives_back_what_is_wrong_until_it_is_right() {
    let mut desk = writes_a_job();
    desk.presses(&["ctrl-e"]);
    assert_eq!(desk.edited.pop(), Some(("Count the words.".to_owned(), ".md")));
    desk.meets(Msg::Edited(Ok("Count the words.\nAll.\n".to_owned())));
    assert_eq!(form(&desk).text("brief"), "Count the words.\nAll.");
    desk.presses(&["alt-e"]);
    let (whole, suffix) = desk.edited.pop().expect("it is edited");
    assert!(suffix == ".json" && whole.contains("\"brief\": \"Count the words.\\nAll.\""), "{whole}");
    desk.meets(Msg::Edited(Ok("{\"brief\": \"x\",\n \"deadlin\": 1}".to_owned())));
    desk.sees("unknown field `deadlin`");
    desk.sees("alt-e opens your text again: it does not fit");
    assert_eq!(form(&desk).text("brief"), "Count the words.\nAll.", "nothing was taken");
    desk.presses(&["alt-e"]);
    let again = desk.edited.pop().expect("it is edited").0;
    assert!(again.contains("deadlin"), "the text is kept: {again}");
    desk.meets(Msg::Edited(Err("the editor \"vim\" ended with 1".to_owned())));
    desk.sees("the editor \"vim\" ended with 1; nothing was taken");
    desk.presses(&["alt-e"]);
    let text = json!({"brief": "", "within_ms": 5_400_000, "only": ["@gist"], "input": {"text": "t"},
        "criteria": [{"rule": "a\nb"}, {"schema": true}], "correction": "c", "review": "always"});
    desk.meets(Msg::Edited(Ok(text.to_string())));
    desk.sees("is empty: say what you want done");
    desk.types("Now");
    assert_eq!(form(&desk).text("deadline"), "1h30m");
    desk.presses(&["ctrl-s"]);
    let Deed::Post { draft, .. } = posts(&desk)[0].1 else { panic!("it is posted") };
    assert_eq!(
        (draft.correction.as_deref(), draft.criteria.len()),
        (Some("c"), 2),
        "what has no field is kept"
    );
    assert_eq!(draft.input.as_ref().map(Json::value), Some(json!({"text": "t"})));
}

#[test]
fn a_document_that_is_no_json_stays_in_its_field_and_is_told() {
    let mut desk = writes_a_job();
    to(&mut desk, "schema");
    desk.presses(&["ctrl-e"]);
    desk.meets(Msg::Edited(Ok("{\"type\": }\u{1b}[2J".to_owned())));
    desk.sees("it is not JSON");
    assert_eq!(form(&desk).text("schema"), "{\"type\": }[2J");
    desk.presses(&["alt-e"]);
    assert_eq!(desk.edited.len(), 1, "a whole with that in it cannot be written");
    desk.sees("is not JSON: expected value");
}

#[test]
fn who_would_get_it_is_shown_before_it_is_posted() {
    let mut desk = writes_a_job();
    desk.presses(&["ctrl-p"]);
    assert_eq!(desk.previewed.len(), 1);
    desk.sees("would get it");
    desk.sees("Note: the input does not fit @sorter");
    desk.sees("@sorter needs another input");
    desk.sees("Nothing is posted yet.");
    desk.presses(&["esc"]);
    desk.sees("Count the words.");
    desk.presses(&["ctrl-p", "ctrl-s"]);
    assert_eq!(posts(&desk).len(), 1);
}

#[test]
fn a_draft_outlasts_esc_a_crash_and_the_program() {
    let mut desk = writes_a_job();
    assert!(desk.kept.is_empty());
    desk.waits(2_000);
    let crashed = kept(&desk, &DraftOf::Job).expect("it is kept while it is written");
    desk.types(" All.");
    desk.presses(&["esc"]);
    desk.sees("your draft is kept and offered again");
    desk.presses(&["N"]);
    desk.sees("this is your draft of before");
    assert_eq!(form(&desk).text("brief"), "Count the words. All.");
    let request = form(&desk).request.clone();
    let mut later = Desk::new(120, 36);
    later.model.drafts.insert(DraftOf::Job, crashed);
    later.presses(&["N"]);
    assert_eq!((form(&later).text("brief").as_str(), &form(&later).request), ("Count the words.", &request));
    later.presses(&["ctrl-x"]);
    later.sees("ctrl-x once more throws this draft away");
    later.presses(&["ctrl-x"]);
    assert!(later.model.overlays.is_empty() && later.model.drafts.is_empty());
    assert_eq!(kept(&later, &DraftOf::Job), None);
    later.presses(&["N", "esc"]);
    assert!(later.model.drafts.is_empty(), "what is empty is no draft");
    later.presses(&["N", "x", "ctrl-c"]);
    assert!(later.left && kept(&later, &DraftOf::Job).is_some());
}

#[test]
fn a_draft_that_cannot_be_kept_or_read_harms_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").expect("it is ours");
    let mut desk = writes_a_job();
    desk.waits(2_000);
    let (slot, text) = desk.kept.pop().expect("it is kept");
    let outcome = State::at(&file).keep(&slot, text.as_deref());
    desk.meets(Msg::Kept(outcome));
    desk.sees("nothing is kept in ");
    desk.presses(&["ctrl-s"]);
    assert_eq!(posts(&desk).len(), 1);
    for nonsense in ["", "{", "{\"request\": \"\\u001b\"}", &"[".repeat(100_000)] {
        let mut desk = Desk::new(80, 24);
        desk.model.drafts.insert(DraftOf::Job, nonsense.to_owned());
        desk.presses(&["N"]);
        assert!(form(&desk).fields[0].is_blank());
        desk.sees("the draft of before cannot be read");
    }
}

#[test]
fn the_connection_goes_while_a_form_is_open() {
    let mut desk = writes_a_job();
    desk.loses();
    desk.presses(&["ctrl-s"]);
    desk.sees("there is no daemon to send it to; the draft is kept");
    desk.types(" More.");
    desk.connects();
    desk.presses(&["ctrl-s"]);
    assert_eq!(posts(&desk).len(), 1);
    let mut desk = Desk::new(80, 24);
    desk.model.read_only = true;
    desk.presses(&["N"]);
    assert!(desk.model.overlays.is_empty());
    desk.sees("the dashboard is read-only");
}

#[test]
fn what_was_left_while_it_was_sent_is_told_and_forgotten() {
    let mut desk = writes_a_job();
    desk.presses(&["ctrl-s", "esc", "N"]);
    desk.sees("it is on its way");
    desk.presses(&["esc"]);
    let number = posts(&desk)[0].0;
    desk.meets(Msg::Done { number, outcome: Outcome::Posted(Ok(Posted { id: JobId(6), repeated: true })) });
    desk.sees("Post a job: #6 was posted before");
    assert!(desk.model.drafts.is_empty());
}

#[test]
fn what_comes_of_it_after_another_daemon_is_looked_at_touches_nothing_there() {
    let mut desk = writes_a_job();
    let here = desk.model.endpoint.clone();
    desk.presses(&["ctrl-s"]);
    let number = posts(&desk)[0].0;
    let written: BTreeMap<String, Written> =
        toml::from_str("[own]\nsocket = \"/run/own.sock\"").expect("it reads");
    desk.model.contexts = Contexts::new(written, None).expect("it leads somewhere");
    desk.presses(&["esc", ":"]);
    desk.types("ctx own");
    desk.presses(&["enter"]);
    desk.connects();
    desk.presses(&["N"]);
    desk.types("Another one.");
    desk.presses(&["esc"]);
    desk.meets(Msg::Done { number, outcome: Outcome::Posted(Ok(Posted { id: JobId(6), repeated: false })) });
    desk.sees("Post a job: #6 is posted");
    assert_eq!(*desk.model.screen(), Screen::Overview, "it is a job of the other daemon");
    assert!(kept(&desk, &DraftOf::Job).is_some(), "this daemon's draft stays");
    let slot = Slot::Draft { endpoint: here, of: DraftOf::Job };
    assert_eq!(desk.kept.last(), Some(&(slot, None)), "the other one's goes");
}

#[test]
fn a_megabyte_in_every_field_and_texts_that_act() {
    let evil = "\u{1b}]52;c;x\u{7}\u{202e}evil\u{200b}\u{9b}2J日本e\u{301}🦀\t";
    let mut desk = Desk::new(120, 36);
    desk.presses(&["N"]);
    for place in 0..form(&desk).fields.len() {
        assert_eq!(form(&desk).focus, place);
        desk.meets(Msg::Paste(evil.repeat(30_000)));
        desk.buffer();
        desk.presses(&["tab"]);
    }
    desk.presses(&["ctrl-s"]);
    assert!(desk.deeds.is_empty());
    let error = form(&desk).fields[0].error.clone().unwrap_or_default();
    assert!(error.contains("the limit is 100000"), "{error}");
    for size in [(120, 36), (40, 8), (1, 1)] {
        desk.meets(Msg::Resize(size.0, size.1));
        let shown = desk.text();
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{200b}', '\u{9b}']), "{shown}");
    }
}

#[test]
fn a_paste_of_100_kb_goes_into_the_brief_as_it_is() {
    let mut desk = Desk::new(80, 24);
    desk.presses(&["N"]);
    let text = "a line of text\r\nand \u{1b}[31manother one\n".repeat(3_000);
    assert!(text.len() > 100_000);
    desk.meets(Msg::Paste(text.clone()));
    assert_eq!(form(&desk).text("brief"), text.replace("\r\n", "\n").replace('\u{1b}', ""));
    assert!(desk.model.overlays.len() == 1 && desk.deeds.is_empty(), "letters that are pasted are no keys");
    desk.presses(&["up", "up", "x"]);
    desk.buffer();
}

#[test]
fn a_form_is_read_without_colors_and_in_ascii() {
    let mut desk = Desk::new(120, 36);
    desk.model.theme = Theme { palette: Palette::Plain, ascii: true };
    desk.presses(&["N", "ctrl-s"]);
    assert!(desk.text().is_ascii(), "{}", desk.text());
    to(&mut desk, "priority");
    desk.presses(&["right"]);
    let buffer = desk.buffer();
    let chosen: String = buffer
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(Modifier::REVERSED))
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    assert!(chosen.contains(" low "), "{chosen:?}\n{}", desk.text());
    desk.presses(&["ctrl-p"]);
    assert!(desk.text().is_ascii(), "{}", desk.text());
}

#[test]
fn an_answer_of_the_editor_for_a_form_that_is_gone_is_dropped() {
    let mut desk = Desk::new(80, 24);
    let now = desk.model.now;
    let effects = update(&mut desk.model, now, Msg::Edited(Ok("x".repeat(1_000_000))));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Keep { .. })));
}
