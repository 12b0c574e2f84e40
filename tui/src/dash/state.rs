//! What is kept between two runs: drafts, what was searched, where one was. One file each, for its user alone, replaced as a
//! whole. Whoever cannot write there loses nothing but the memory.

use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::JobId;
use sha2::{Digest, Sha256};
use std::fs::DirBuilder;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Largest file that is read back, bytes.
const FILE_BYTES_MAX: u64 = 64_000_000;
/// Most drafts that are read back for one daemon.
const DRAFTS_MAX: usize = 20;

/// What a draft is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DraftOf {
    Job,
    /// A job that ended, to be posted again.
    Again(JobId),
    Agent,
    Version(AgentName),
}

impl DraftOf {
    /// Whether a job is posted with it.
    pub(crate) fn is_job(&self) -> bool {
        match self {
            Self::Job | Self::Again(_) => true,
            Self::Agent | Self::Version(_) => false,
        }
    }

    fn file(&self) -> String {
        match self {
            Self::Job => "draft-job.json".to_owned(),
            Self::Again(job) => format!("draft-job-{}.json", job.0),
            Self::Agent => "draft-agent.json".to_owned(),
            Self::Version(name) => format!("draft-agent-{}.json", name.as_str()),
        }
    }

    fn of_file(file: &str) -> Option<Self> {
        match file {
            "draft-job.json" => Some(Self::Job),
            "draft-agent.json" => Some(Self::Agent),
            other => {
                let name = other.strip_prefix("draft-")?.strip_suffix(".json")?;
                match name.split_once('-')? {
                    ("job", job) => job.parse().ok().map(Self::Again),
                    ("agent", name) => name.parse().ok().map(Self::Version),
                    _ => None,
                }
            }
        }
    }
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Filters and views.
    Finding,
    /// Where one was.
    Place,
    /// A draft for a daemon.
    Draft { endpoint: String, of: DraftOf },
}

/// The folder in which it is kept.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// None: there is no home folder, and nothing is kept.
    folder: Option<PathBuf>,
}

impl State {
    /// Where the conventions of the system put it.
    pub(crate) fn usual() -> Self {
        let folder =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
        let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
        Self { folder: state.map(|state| state.join("guildhall/dash")) }
    }

    /// In this folder.
    #[cfg(test)]
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()) }
    }

    fn file(&self, slot: &Slot) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(match slot {
            Slot::Finding => folder.join("finding.json"),
            Slot::Place => folder.join("place.json"),
            Slot::Draft { endpoint, of } => folder.join(of_daemon(endpoint)).join(of.file()),
        })
    }

    /// What is kept; none: nothing, or it cannot be read.
    pub(crate) fn read(&self, slot: &Slot) -> Option<String> {
        read(&self.file(slot)?).ok()
    }

    /// The drafts for a daemon.
    pub(crate) fn drafts(&self, endpoint: &str) -> Vec<(DraftOf, String)> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let Ok(files) = std::fs::read_dir(folder.join(of_daemon(endpoint))) else { return Vec::new() };
        let draft = |entry: io::Result<std::fs::DirEntry>| {
            let entry = entry.ok()?;
            let of = DraftOf::of_file(entry.file_name().to_str()?)?;
            Some((of, read(&entry.path()).ok()?))
        };
        files.filter_map(draft).take(DRAFTS_MAX).collect()
    }

    /// Keeps a text, or nothing any more.
    ///
    /// # Errors
    /// What is wrong with the folder, for people.
    pub(crate) fn keep(&self, slot: &Slot, text: Option<&str>) -> Result<(), String> {
        let Some(file) = self.file(slot) else {
            return Err("there is no home folder to keep it in".to_owned());
        };
        let kept = match text {
            Some(text) => write(&file, text),
            None => match std::fs::remove_file(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                outcome => outcome,
            },
        };
        kept.map_err(|error| format!("nothing is kept in {}: {error}", file.display()))
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(file)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Whoever reads meanwhile sees the old one or the new one. Such files are their maker's alone.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    // A program that crashes loses nothing so; that a machine does is not worth a wait at each letter.
    new.write_all(text.as_bytes())?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// A folder's name for a daemon; two daemons may have the same plain name.
fn of_daemon(endpoint: &str) -> String {
    let plain: String =
        endpoint.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
    let plain = plain.get(plain.len().saturating_sub(80)..).unwrap_or_default();
    format!("{plain}-{}", hex::encode(&Sha256::digest(endpoint)[..4]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_kept_is_for_its_user_alone_and_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::at(&folder.path().join("guildhall/dash"));
        let job = Slot::Draft { endpoint: "/run/one.sock".to_owned(), of: DraftOf::Job };
        let version = DraftOf::Version("@sum".parse().expect("a name"));
        let other = Slot::Draft { endpoint: "/run/one.sock".to_owned(), of: version.clone() };
        state.keep(&job, Some("a job")).expect("it is ours");
        state.keep(&other, Some("a version")).expect("it is ours");
        let again = DraftOf::Again(JobId(6));
        let same = Slot::Draft { endpoint: "/run/one.sock".to_owned(), of: again.clone() };
        state.keep(&same, Some("the same")).expect("it is ours");
        let file = state.file(&job).expect("there is a folder");
        let mode = std::fs::metadata(file).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let mut drafts = state.drafts("/run/one.sock");
        drafts.sort();
        let texts = ["a job", "the same", "a version"].map(str::to_owned);
        let kept = [DraftOf::Job, again, version].into_iter().zip(texts);
        assert_eq!(drafts, kept.collect::<Vec<_>>());
        assert!(state.drafts("/run/two.sock").is_empty(), "each daemon has its own");
        state.keep(&job, None).expect("it goes");
        state.keep(&job, None).expect("it is gone already");
        assert_eq!(state.read(&job), None);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "no folder").expect("it is ours");
        let told = State::at(&file).keep(&Slot::Finding, Some("x")).expect_err("no folder");
        assert!(told.starts_with("nothing is kept in ") && told.contains("finding.json"), "{told}");
        let nowhere = State { folder: None };
        assert!(nowhere.keep(&Slot::Finding, Some("x")).is_err() && nowhere.drafts("x").is_empty());
    }
}
