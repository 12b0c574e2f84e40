//! The demo where a server of models is named, and what the command line then shows of models.

use guildhall_tests::fake_openai::{FakeOpenAi, KEY, Reply};
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// SIGTERM, as its user would; whether it ended well.
async fn end_in_good_order(mut process: Child) -> bool {
    let id = process.id().expect("it runs").to_string();
    let told = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill runs");
    told.success() && process.wait().await.expect("it ends").success()
}

/// A demo that stays, and what it said until then.
async fn demo_with(server: &FakeOpenAi) -> (Child, String, String, TempDir) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_test-guildhalld"));
    demo.args(["demo", "--keep"]).env("OPENAI_BASE_URL", server.base_url()).env("OPENAI_API_KEY", KEY);
    // Where it is found must not be where this user looks.
    let home = tempfile::tempdir().expect("a folder");
    demo.env("XDG_RUNTIME_DIR", home.path());
    let mut demo =
        demo.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
    let mut lines = BufReader::new(demo.stdout.take().expect("it is piped")).lines();
    let mut told = String::new();
    loop {
        let line = lines.next_line().await.expect("it reads").unwrap_or_else(|| panic!("it ended:\n{told}"));
        if let Some((_, socket)) = line.split_once("GUILDHALL_SOCKET=") {
            // It has more to say, and would end where nobody listens.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (demo, told, socket.to_owned(), home);
        }
        told += &line;
        told.push('\n');
    }
}

async fn guildhall(socket: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhall"));
    let output = command.arg("--socket").arg(socket).args(arguments).output().await.expect("it runs");
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{arguments:?}: {told}");
    told
}

fn tells(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "{part:?} is not told:\n{told}");
    }
}

#[tokio::test]
async fn the_demo_shows_all_three_roles() {
    let server = FakeOpenAi::sensible().await;
    let (demo, told, socket, _home) = demo_with(&server).await;
    tells(
        &told,
        &["Every job ended as it should", "chosen by gpt-4.1-mini", "gpt-4.1-mini judged", "by a model"],
    );
    tells(&told, &["a model built the input of", "gpt-4.1-mini worked on the input"]);

    let why = guildhall(&socket, &["job", "why", "11"]).await;
    tells(&why, &["gpt-4.1-mini", "chosen by gpt-4.1-mini among"]);
    let shown = guildhall(&socket, &["job", "show", "8"]).await;
    tells(&shown, &["checked by a model", "A child would enjoy it.", "tokens read"]);
    let shaped = guildhall(&socket, &["job", "show", "12"]).await;
    tells(&shaped, &["26.2", "a model built the input of", "gpt-4.1-mini"]);
    let status = guildhall(&socket, &["llm", "status"]).await;
    tells(&status, &["choose", "shape", "judge", "gpt-4.1-mini", "$"]);
    for role in ["choose", "shape", "judge"] {
        assert!(!server.of_role(role).is_empty(), "nobody asked to {role}");
    }
    assert!(end_in_good_order(demo).await);
    let folder = Path::new(&socket).parent().expect("a folder");
    std::fs::remove_dir_all(folder).expect("it is there");
}

#[tokio::test]
async fn a_demo_without_an_answer_says_so_and_every_job_ends() {
    let server = FakeOpenAi::sensible().await;
    server.always(Reply::Refusal);
    let (demo, told, socket, _home) = demo_with(&server).await;
    tells(&told, &["models were not asked, or did not answer", "chosen by the rank, without a model"]);
    assert!(!told.contains("failed   "), "every job ends: {told}");
    assert!(!end_in_good_order(demo).await, "it exits with a failure: not all roles took part");
    let folder = Path::new(&socket).parent().expect("a folder");
    std::fs::remove_dir_all(folder).expect("it is there");
}
