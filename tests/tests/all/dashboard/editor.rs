//! A text goes to the person's own editor, which has the terminal for itself, and comes back until it is right.

use crate::place::Place;
use guildhall_protocol::ids::JobId;
use guildhall_tests::terminal::Terminal;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// An editor that says that it is open, waits until somebody has written a text, and saves that.
const SCRIPT: &str = r#"#!/bin/sh
here=$(dirname "$0")
turn=$(ls "$here" | grep -c '^got-')
cp "$1" "$here/got-$turn"
echo "the editor is open for turn $turn"
until [ -e "$here/done-$turn" ]; do sleep 0.02; done
cp "$here/text-$turn" "$1"
"#;

/// The folder of the editor.
struct Editor(PathBuf);

impl Editor {
    fn of(place: &Place) -> Self {
        let folder = place.folder.path().join("editor");
        std::fs::create_dir(&folder).expect("it is ours");
        let script = folder.join("edit");
        std::fs::write(&script, SCRIPT).expect("it is ours");
        std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
        Self(folder)
    }

    /// What it was opened with.
    fn got(&self, turn: usize) -> String {
        std::fs::read_to_string(self.0.join(format!("got-{turn}"))).expect("it was opened")
    }

    /// Saves this text and ends.
    fn saves(&self, turn: usize, text: &str) {
        std::fs::write(self.0.join(format!("text-{turn}")), text).expect("it is ours");
        std::fs::write(self.0.join(format!("done-{turn}")), "").expect("it is ours");
    }
}

#[tokio::test]
async fn a_text_comes_back_from_the_editor_until_it_is_right() {
    let place = Place::open().await;
    let editor = Editor::of(&place);
    let path = editor.0.join("edit");
    let program = place.program(&[]).with("EDITOR", path.to_str().expect("a name"));
    let mut terminal = Terminal::open(program, 120, 36);
    terminal.until_sees("live").await;
    terminal.presses("N");
    terminal.until_sees("Post a job").await;
    terminal.types("Count the pages.");
    terminal.until_sees("Count the pages.").await;

    // The editor has the terminal as it was before, and what is typed there is no key of the dashboard.
    terminal.presses("alt-e");
    terminal.until_sees("the editor is open for turn 0").await;
    assert!(editor.got(0).contains("\"brief\": \"Count the pages.\""), "{}", editor.got(0));
    terminal.until_given_back().await;
    let wrong = "{\"brief\": \"Count the plates.\",\n \"labl\": \"atlas\"}";
    editor.saves(0, wrong);

    // What is wrong is said; nothing of it was taken, and nothing is lost.
    terminal.until_sees("unknown field `labl`").await;
    terminal.until_sees("alt-e opens your text again").await;
    terminal.until_sees("Count the pages.").await;
    terminal.until_misses("still-echoed").await;
    terminal.presses("alt-e");
    terminal.until_sees("the editor is open for turn 1").await;
    assert_eq!(editor.got(1), wrong);
    terminal.until_given_back().await;
    editor.saves(1, &wrong.replace("labl", "label"));

    // What is right is in the form, and is what is posted.
    terminal.until_sees("Count the plates.").await;
    terminal.until_sees("atlas").await;
    terminal.until_misses("unknown field").await;
    terminal.presses("ctrl-s");
    terminal.until_sees("#1 is posted").await;
    let story = place.until(JobId(1), |_| true).await;
    assert_eq!(story.head.label.as_deref(), Some("atlas"));
    assert_eq!(story.head.title.as_deref(), Some("Count the plates."));
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    terminal.until_given_back().await;
}
