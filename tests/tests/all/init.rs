//! `guildhalld init`: what a new operator finds afterwards, and that its words are good as they stand.

use crate::place::{PATIENCE, Place, STRANGER, copy_program, ended_program};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::process::{Child, Command};

const DAEMON: &str = env!("CARGO_BIN_EXE_test-guildhalld");
const FRONT_END: &str = env!("CARGO_BIN_EXE_test-guildhall");

/// The home of somebody who has nothing yet. Its name wants quotes in a shell.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(home.path()).expect("a folder");
        home
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ada's home")
    }

    fn file(&self) -> PathBuf {
        self.path().join(".config/guildhall/guildhalld.toml")
    }

    fn state(&self) -> PathBuf {
        self.path().join(".local/state/guildhall")
    }

    /// A program that knows of this home only.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.path()).current_dir(self.folder.path()).kill_on_drop(true);
        command
    }

    async fn guildhalld(&self, arguments: &[&str]) -> (i32, String, String) {
        ended_program(self.command(DAEMON).args(arguments).output().await.expect("it runs"))
    }

    /// Does as it is told; what it says.
    async fn told(&self, arguments: &[&str]) -> String {
        let (code, told, complaint) = self.guildhalld(arguments).await;
        assert!(code == 0 && complaint.is_empty(), "{arguments:?}: {told}{complaint}");
        told
    }

    /// Runs words of a shell.
    fn shell(&self, words: &str) -> Command {
        let mut command = self.command("/bin/sh");
        command.arg("-c").arg(format!("exec {words}"));
        command
    }

    /// Waits until words of a shell succeed beside a daemon that starts.
    async fn succeeds(&self, words: &str, daemon: &mut Child) -> String {
        let ends = Instant::now() + PATIENCE;
        loop {
            let output = self.shell(words).output().await.expect("it runs");
            let (code, told, complaint) = ended_program(output);
            if code == 0 {
                return told;
            }
            assert!(daemon.try_wait().expect("it is ours").is_none(), "the daemon ended");
            assert!(Instant::now() < ends, "{words}: {told}{complaint}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Everything in it.
    fn entries(&self) -> Vec<PathBuf> {
        let mut found = vec![self.path()];
        let mut next = 0;
        while let Some(folder) = found.get(next).cloned() {
            next += 1;
            if folder.is_dir() {
                let inside = std::fs::read_dir(folder).expect("a folder");
                found.extend(inside.map(|entry| entry.expect("an entry").path()));
            }
        }
        found.split_off(1)
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).mode() & 0o777
}

/// The commands that it says to type next, for a shell. The programs of the tests have other names.
fn next(told: &str) -> Vec<String> {
    let lines = told.lines().skip_while(|line| *line != "Next:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("  ")).map(str::trim);
    lines.map(|line| line.replacen("guildhall ", &format!("{FRONT_END} "), 1)).collect()
}

/// Settings that stand in the file and are not in force.
fn commented_lines(text: &str) -> Vec<&str> {
    let is_setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.contains(" = ");
    text.lines().filter(is_setting).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_starts_with_what_it_made_by_the_words_that_it_said() {
    let home = Home::new();
    let told = home.told(&["init", "--set", "ops_listen=off"]).await;
    let key = home.state().join("master.key");
    assert_eq!((mode(&home.file()), mode(&key)), (0o600, 0o600), "{told}");
    assert_eq!(mode(&home.state()), 0o700);
    assert_eq!(std::fs::metadata(&key).expect("a key").len(), 32);
    let made = |path: &Path| told.contains(&format!(" {}", path.display()));
    assert!(made(&home.file()) && made(&key) && made(&home.state()), "{told}");
    for copied in ["guildhall.db-wal", "master.key", "tls/ca.key"] {
        assert!(told.contains(&home.state().join(copied).display().to_string()), "{told}");
    }
    let left: Vec<_> = home
        .entries()
        .into_iter()
        .filter(|path| path.is_file() && *path != key && *path != home.file())
        .collect();
    assert!(left.is_empty(), "{left:?}");

    let words = next(&told);
    assert_eq!(words.len(), 3, "{told}");
    let mut daemon = home.shell(&words[0]).spawn().expect("it starts");
    home.succeeds(&words[1], &mut daemon).await;
    home.succeeds(&words[2], &mut daemon).await;
    let before = std::fs::read(&key).expect("a key");

    // Once more, while it runs.
    let text = std::fs::read(home.file()).expect("a file");
    let again = home.told(&["init"]).await;
    assert!(again.contains("kept the configuration") && again.contains("kept the master key"), "{again}");
    assert!(!again.contains("made the"), "{again}");
    let kept = (std::fs::read(&key).expect("a key"), std::fs::read(home.file()).expect("a file"));
    assert_eq!(kept, (before, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_elsewhere_is_in_the_words_or_in_the_file() {
    let home = Home::new();
    let arguments = ["--config", "my files/g.toml", "--store", "my files/g.db", "--socket", "s.sock"];
    let arguments = [&arguments[..], &["--set", "ops_listen=off", "init"]].concat();
    for once_more in [false, true] {
        let told = home.told(&arguments).await;
        assert_eq!(told.contains("kept the configuration"), once_more, "{told}");
        let words = next(&told);
        let mut daemon = home.shell(&words[0]).spawn().expect("it starts");
        home.succeeds(&words[1], &mut daemon).await;
        assert!(home.folder.path().join("my files/g.db").exists());
        assert!(home.entries().is_empty(), "nothing is at home");
        daemon.kill().await.expect("it dies");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_may_be_uncommented() {
    let home = Home::new();
    home.told(&["init"]).await;
    let text = std::fs::read_to_string(home.file()).expect("a file");
    let lines = commented_lines(&text);
    assert!(lines.len() > 50, "{text}");
    let before = home.told(&["config", "show"]).await;
    let values = |shown: &str| -> Vec<String> {
        shown.lines().map(|line| line.rsplit_once("  # ").expect("an origin").0.to_owned()).collect()
    };
    for line in &lines {
        std::fs::write(home.file(), text.replace(line, &line[1..])).expect("it is written");
        let shown = home.told(&["config", "show"]).await;
        assert_eq!(values(&shown), values(&before), "{line} changes something");
    }
    let mut all = text.clone();
    for line in lines.iter().filter(|line| !line.starts_with("#ops_listen")) {
        all = all.replace(line, &line[1..]);
    }
    std::fs::write(home.file(), all).expect("it is written");
    let mut daemon =
        home.command(DAEMON).args(["--set", "ops_listen=off", "serve"]).spawn().expect("it starts");
    home.succeeds(&format!("{FRONT_END} status"), &mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unit_starts_this_program_with_what_it_is_handed() {
    let home = Home::new();
    let tools = home.folder.path().join("my tools");
    std::fs::create_dir(&tools).expect("a folder");
    let program = tools.join("guildhalld");
    copy_program(DAEMON, &program);
    let print = async || {
        let output = home.command(&program).args(["init", "--systemd"]).output().await.expect("it runs");
        let (code, unit, complaint) = ended_program(output);
        assert!(code == 0 && complaint.is_empty(), "{complaint}");
        unit
    };
    let unit = print().await;
    assert!(home.entries().is_empty(), "it makes nothing");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a program");
    assert!(start.starts_with(&format!("\"{}\" ", program.display())), "{start}");

    // What systemd does with it: names of folders are put in, files are copied for the service's user and group.
    let model = ["--set", "llm_key=sk-none", "--set", "llm_base_url=http://127.0.0.1:1/v1"];
    home.told(&[&["init", "--set", "ops_listen=off"], &model[..]].concat()).await;
    let run = home.folder.path().join("run");
    let credentials = run.join("credentials");
    for folder in [&credentials, &run.join("guildhall")] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let handed: Vec<_> =
        unit.lines().filter_map(|line| line.strip_prefix("LoadCredential=")?.split_once(':')).collect();
    assert_eq!(handed.len(), 2, "{unit}");
    for (name, from) in handed {
        let credential = credentials.join(name);
        std::fs::copy(from, &credential).expect("a copy");
        std::fs::set_permissions(&credential, Permissions::from_mode(0o440)).expect("a mode");
    }
    assert_eq!(print().await, unit, "it is the same afterwards");
    let state = home.folder.path().join("state");
    let folders = [("%d", &credentials), ("%S", &state), ("%t", &run)];
    let start = folders.iter().fold(start.to_owned(), |start, (specifier, folder)| {
        start.replace(specifier, &folder.display().to_string())
    });
    let mut service = home.shell(&start);
    let mut service = service.env("CREDENTIALS_DIRECTORY", &credentials).spawn().expect("it starts");
    let socket = run.join("guildhall/guildhalld.sock");
    home.succeeds(&format!("{FRONT_END} --socket {} status", socket.display()), &mut service).await;
    assert!(state.join("guildhall/guildhall.db").exists());
    assert!(!state.join("guildhall/master.key").exists(), "it has one");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_made_nothing_is_left_half_made() {
    let home = Home::new();
    let file = home.folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let state = file.join("state/guildhall.db");
    let (code, told, complaint) = home.guildhalld(&["--store", state.to_str().expect("text"), "init"]).await;
    let expected = format!("cannot make the folder of {}: Not a directory", state.display());
    assert!(code == 1 && told.is_empty() && complaint.contains(&expected), "{told}{complaint}");
    assert!(home.entries().is_empty(), "{:?}", home.entries());

    // A disk that takes names, and nothing in them: neither the configuration nor half a key is left.
    let full = format!("sh -c \"trap '' XFSZ; ulimit -f 0; exec {DAEMON} init\"");
    let (code, told, complaint) = ended_program(home.shell(&full).output().await.expect("it runs"));
    let expected = format!("cannot write {}", home.file().display());
    assert!(code == 1 && told.is_empty() && complaint.contains(&expected), "{told}{complaint}");
    assert!(home.entries().is_empty(), "{:?}", home.entries());
    std::fs::create_dir_all(home.file().parent().expect("a folder")).expect("a folder");
    std::fs::write(home.file(), "").expect("a file");
    let (code, _, complaint) = ended_program(home.shell(&full).output().await.expect("it runs"));
    assert!(code == 1 && complaint.contains("master.key cannot be read or made"), "{complaint}");
    assert!(!home.state().exists() && home.file().exists());

    // A folder of somebody else.
    let mut command = home.command(home.folder.path().join("guildhalld"));
    copy_program(DAEMON, &home.folder.path().join("guildhalld"));
    std::fs::remove_dir_all(home.path().join(".config")).expect("it is ours");
    for folder in [home.folder.path(), &home.path()] {
        std::fs::set_permissions(folder, Permissions::from_mode(0o555)).expect("a mode");
    }
    if std::fs::metadata(home.path()).expect("a folder").uid() == 0 {
        command.uid(STRANGER).gid(STRANGER);
    }
    let (code, told, complaint) = ended_program(command.arg("init").output().await.expect("it runs"));
    let expected = format!("cannot make the folder of {}: Permission denied", home.file().display());
    assert!(code == 1 && told.is_empty() && complaint.contains(&expected), "{told}{complaint}");
    assert!(home.entries().is_empty(), "{:?}", home.entries());
    std::fs::set_permissions(home.folder.path(), Permissions::from_mode(0o755)).expect("a mode");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_not_replaced() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    place.stop().await;
    let key = place.folder.path().join("master.key");
    std::fs::remove_file(&key).expect("it was there");
    let file = place.folder.path().join("g.toml");
    let mut command = place.daemon_command();
    command.arg("--config").arg(&file).arg("init");
    let (code, _, complaint) = ended_program(command.output().await.expect("it runs"));
    assert!(code == 1 && complaint.contains("put it back from a backup"), "{complaint}");
    assert!(!key.exists() && !file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_of_a_daemon_is_private() {
    let place = Place::open().await;
    let id = place.daemon.as_ref().and_then(Child::id).expect("it runs");
    let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(
        core.split_whitespace().collect::<Vec<_>>(),
        ["Max", "core", "file", "size", "0", "0", "bytes"]
    );
}

/// What is private of a daemon belongs to root in `/proc`, whoever runs it: its user is its admin all the same.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_runs_the_daemon_is_its_admin() {
    let home = Home::new();
    if std::fs::metadata(home.path()).expect("a folder").uid() != 0 {
        // Nobody else can be had.
        return;
    }
    std::fs::set_permissions(home.folder.path(), Permissions::from_mode(0o755)).expect("a mode");
    std::os::unix::fs::chown(home.path(), Some(STRANGER), Some(STRANGER)).expect("root may");
    let copy = |program: &str, name: &str| {
        let copy = home.folder.path().join(name);
        copy_program(program, &copy);
        copy
    };
    let (daemon, front_end) = (copy(DAEMON, "guildhalld"), copy(FRONT_END, "guildhall"));
    let mut serve = home.command(daemon);
    serve.args(["--set", "ops_listen=off", "--log", "error", "serve"]).uid(STRANGER).gid(STRANGER);
    let mut serve = serve.spawn().expect("it starts");
    home.succeeds(&format!("{FRONT_END} status"), &mut serve).await;
    let mut show = home.command(front_end);
    show.args(["--json", "account", "show"]).uid(STRANGER).gid(STRANGER);
    let (code, told, complaint) = ended_program(show.output().await.expect("it runs"));
    assert!(code == 0 && told.contains("\"admin\""), "{told}{complaint}");
    let environment = format!("/proc/{}/environ", serve.id().expect("it runs"));
    assert_eq!(std::fs::metadata(environment).expect("it runs").uid(), 0, "its memory is private");
}
