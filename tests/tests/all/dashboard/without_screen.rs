//! The same without a screen: what happens as lines, and a prompt with plain sentences.

use super::waiting;
use crate::cast::{is, number_from};
use crate::place::{PATIENCE, Place};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::{JobDraft, Review};
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// A program that talks line by line.
struct Talk {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// What was heard so far.
    heard: Vec<String>,
}

impl Talk {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.guildhall_command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let input = child.stdin.take().expect("it was asked for");
        let output = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        Self { _child: child, input, output, heard: Vec::new() }
    }

    async fn says(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("it listens");
    }

    async fn next(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("it says nothing more after {:#?}", self.heard));
        let line = line.expect("it is text").expect("it goes on");
        self.heard.push(line.clone());
        line
    }

    /// Waits for a line with this in it; that line.
    async fn until_hears(&mut self, text: &str) -> String {
        loop {
            let line = self.next().await;
            assert!(!line.contains('\u{1b}'), "{}", line.escape_debug());
            if line.contains(text) {
                return line;
            }
        }
    }
}

fn labeled(label: &str) -> JobDraft {
    JobDraft { label: Some(label.to_owned()), ..waiting() }
}

#[tokio::test]
async fn everything_that_happens_is_told_also_over_a_restart() {
    let mut place = Place::open().await;
    let first = place.post(labeled("one")).await.expect("it is posted");
    // From the very first event on: what is told does not depend on when it was started.
    let mut all = Talk::start(&place, &["watch", "--after", "0"]);
    let mut rows = Talk::start(&place, &["watch", "--jsonl", "--after", "0", "--label", "two"]);
    all.until_hears(&format!("job {first}: → posted")).await;
    // Both have found the daemon: whoever never did does not wait for it.
    let early = place.post(labeled("two")).await.expect("it is posted");
    rows.until_hears(&json!({"job": early.0}).to_string()).await;
    place.kill().await;
    place.start().await;
    let second = place.post(labeled("two")).await.expect("it is posted");
    all.until_hears(&format!("job {second}: → posted")).await;
    rows.until_hears(&json!({"job": second.0}).to_string()).await;
    let (code, _, complaint) = place.guildhall(&["watch", "--state", "bogus"]).await;
    assert!(code == 2 && complaint.contains("the states are open"), "{complaint}");
}

#[tokio::test]
async fn a_list_is_printed_row_by_row() {
    let place = Place::open().await;
    for _ in 0..3 {
        place.post(waiting()).await.expect("it is posted");
    }
    let told = place.run(&["job", "list", "--jsonl"]).await;
    let rows: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.iter().map(|row| row["id"].as_i64()).collect::<Vec<_>>(), [Some(3), Some(2), Some(1)]);
}

async fn disputed(place: &Place) -> JobId {
    let usual = number_from(&["ada"]);
    let draft = JobDraft { criteria: Vec::new(), review: Review::Always, ..usual };
    let job = place.post(draft).await.expect("it is posted");
    place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    place.run(&["job", "dispute", &job.0.to_string(), "--reason", "It is \u{1b}[31mtoo small."]).await;
    job
}

#[tokio::test]
async fn a_dispute_is_decided_by_ear() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&agent, "@ada", "Says a number.").await;
    let job = disputed(&place).await;
    let mut talk = Talk::start(&place, &["--no-tui"]);
    talk.until_hears("is up; you are").await;
    talk.until_hears("1 of 1 agents get jobs").await;
    talk.until_hears("What waits: 1 answer that an operator decides").await;
    talk.says("next").await;
    talk.until_hears("1 of 1. Job").await;
    talk.says("open").await;
    talk.until_hears("It is [31mtoo small.").await;
    talk.until_hears("You can do: ").await;
    talk.says("read").await;
    talk.until_hears("The answer to job").await;
    assert_eq!(talk.next().await, "1");
    talk.says("decide").await;
    talk.until_hears("Say what you decide").await;
    talk.says(&format!("accept {}", job.0)).await;
    talk.until_hears("Completes with this answer; it counts in the agent's record. Say yes to do it.").await;
    talk.says("no").await;
    talk.until_hears("Nothing was done.").await;
    talk.says(&format!("decide {} accept", job.0)).await;
    talk.until_hears("Say yes to do it.").await;
    talk.says("yes").await;
    talk.until_hears("Done: job").await;
    place.until(job, is(JobState::Completed)).await;
    talk.says("news").await;
    talk.until_hears("things happened").await;
    talk.says("dance").await;
    talk.until_hears("Nothing is called dance.").await;
    talk.says("quit").await;
    let (code, _, complaint) = {
        let mut place = place;
        place.stop().await;
        place.guildhall(&["--no-tui"]).await
    };
    assert!(code == 5 && complaint.contains("no daemon answers"), "{code} {complaint}");
}
