//! Files and folders that one run makes, so that a run that fails can take them away again: those that it made, and no others.

use crate::agents::key_file::sync_folder;
use crate::store::sqlite::make_folder;
use anyhow::Context;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What was made, the first first.
#[derive(Default)]
pub(super) struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    /// Makes a file with this text, whole or not at all, readable by its owner alone. One that is there is kept.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn file(&mut self, path: &Path, text: &str) -> anyhow::Result<()> {
        if path.exists() {
            return Ok(());
        }
        self.folder_of(path)?;
        let failed = || format!("cannot write {}", path.display());
        let mut beside =
            tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).with_context(failed)?;
        beside.write_all(text.as_bytes()).and_then(|()| beside.as_file().sync_all()).with_context(failed)?;
        match beside.persist_noclobber(path) {
            Ok(_) => {
                self.files.push(path.to_path_buf());
                sync_folder(path).with_context(failed)
            }
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.error).with_context(failed),
        }
    }

    /// Makes the folder of a path and those around it, as far as they are missing.
    ///
    /// # Errors
    /// One cannot be made.
    pub(super) fn folder_of(&mut self, path: &Path) -> anyhow::Result<()> {
        let around = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        let mut missing: Vec<PathBuf> =
            around.take_while(|folder| !folder.exists()).map(Path::to_path_buf).collect();
        missing.reverse();
        let made = make_folder(path);
        // Where one of them cannot be made, those around it may be there now.
        self.folders.extend(missing.into_iter().filter(|folder| folder.is_dir()));
        made.with_context(|| format!("cannot make the folder of {}", path.display()))
    }

    /// Whether this was made.
    pub(super) fn has(&self, file: &Path) -> bool {
        self.files.iter().any(|made| made == file)
    }

    /// The folders, outer ones first.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(PathBuf::as_path)
    }

    /// Takes everything away again, but for folders in which somebody else has put something.
    pub(super) fn undo(self) {
        for file in self.files {
            drop(std::fs::remove_file(file));
        }
        for folder in self.folders.into_iter().rev() {
            drop(std::fs::remove_dir(folder));
        }
    }
}
