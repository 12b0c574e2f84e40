//! The person's editor: a text goes out in a private file, and what was saved comes back.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

/// Largest text that is taken back, bytes.
const BACK_BYTES_MAX: u64 = 4_000_000;

/// Opens the editor of the environment and waits for it. The terminal must be its own meanwhile.
///
/// # Errors
/// Why nothing came back, for people.
pub(crate) fn run(text: &str, suffix: &str) -> Result<String, String> {
    let named = |name| std::env::var(name).ok().filter(|editor: &String| !editor.trim().is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    run_with(&editor, text, suffix)
}

fn run_with(editor: &str, text: &str, suffix: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("the text cannot be given to the editor: {error}");
    // Such a file is its maker's alone.
    let mut file = tempfile::Builder::new().prefix("guildhall-").suffix(suffix).tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    let path = file.into_temp_path();
    // What people write there has arguments, too: the shell takes it apart.
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(editor).arg(&path);
    match command.status() {
        Ok(status) if status.success() => back(&path),
        Ok(status) => match status.code() {
            Some(127) => Err(format!("there is no editor {editor:?}: set VISUAL or EDITOR")),
            Some(code) => Err(format!("the editor {editor:?} ended with {code}")),
            None => Err(format!("the editor {editor:?} was ended")),
        },
        Err(error) => Err(format!("the editor {editor:?} cannot be started: {error}")),
    }
}

fn back(path: &Path) -> Result<String, String> {
    let lost = |error: std::io::Error| format!("what the editor saved cannot be read: {error}");
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .map_err(lost)?
        .take(BACK_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(lost)?;
    if bytes.len() as u64 > BACK_BYTES_MAX {
        return Err(format!("the editor saved more than {} MB", BACK_BYTES_MAX / 1_000_000));
    }
    String::from_utf8(bytes).map_err(|_| "what the editor saved is no UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_saved_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("editor");
        std::fs::write(&script, "#!/bin/sh\nstat -c %a \"$2\" > \"$1\"\nprintf 'more' >> \"$2\"\n")
            .expect("it is ours");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
        let mode = folder.path().join("mode");
        let editor = format!("{} {}", script.display(), mode.display());
        assert_eq!(run_with(&editor, "text and ", ".md").as_deref(), Ok("text and more"));
        assert_eq!(std::fs::read_to_string(mode).expect("it is written").trim(), "600");
    }

    #[test]
    fn an_editor_that_fails_gives_nothing_back_and_says_why() {
        let told = |editor: &str| run_with(editor, "x", ".md").expect_err("it fails");
        assert_eq!(told("exit 3;"), "the editor \"exit 3;\" ended with 3");
        assert!(told("no-such-editor-here").starts_with("there is no editor \"no-such-editor-here\""));
        assert_eq!(told("kill -9 $$;"), "the editor \"kill -9 $$;\" was ended");
        assert_eq!(told("f() { printf '\\377' > \"$1\"; }; f"), "what the editor saved is no UTF-8");
        assert!(told("rm").starts_with("what the editor saved cannot be read"));
        assert_eq!(told("f() { head -c 5000000 /dev/zero > \"$1\"; }; f"), "the editor saved more than 4 MB");
    }
}
