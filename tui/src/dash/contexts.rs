//! Several daemons: those that the person's file names, and the one that is looked at.
//!
//! ```toml
//! [contexts.hall]
//! server = "hall.example"
//! ca = "~/hall.pem"
//! token_file = "~/.config/guildhall/hall.token"
//! read_only = true
//! theme = "color-blind"
//! ```

use super::theme::Palette;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A daemon with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) name: String,
    pub(crate) reach: Reach,
    /// Look only.
    pub(crate) read_only: bool,
    pub(crate) theme: Option<Palette>,
}

/// How a daemon is reached, and what to come with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) socket: Option<PathBuf>,
    pub(crate) server: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
}

/// A context as the file writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Written {
    socket: Option<PathBuf>,
    server: Option<String>,
    ca: Option<PathBuf>,
    token_file: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    read_only: bool,
    theme: Option<Palette>,
}

/// What is wrong with a context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContextError {
    #[error("contexts.{0}: a name has 1 to 40 letters, and no spaces")]
    Name(String),
    #[error("contexts.{0}: say either socket or server")]
    Reach(String),
    #[error("contexts.{0}: ca, client_cert and client_key are for a server")]
    Tls(String),
    #[error("contexts.{0}: client_cert and client_key stand together")]
    Identity(String),
}

/// All contexts, and which is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contexts {
    known: Vec<Context>,
    /// None: the daemon of the command line.
    pub(crate) current: Option<String>,
    /// Look only, whatever the context says.
    pub(crate) read_only: bool,
    /// The colors of contexts that say none; none: those that are shown.
    pub(crate) palette: Option<Palette>,
}

/// What the daemon of the command line is called among the others.
const DEFAULT: &str = "default";

impl Contexts {
    /// Reads what the file says. `home` stands for `~/`.
    pub(crate) fn new(written: BTreeMap<String, Written>, home: Option<&Path>) -> Result<Self, ContextError> {
        let known = written.into_iter().map(|(name, written)| context(name, written, home));
        let mut known: Vec<Context> = known.collect::<Result<_, _>>()?;
        if !known.is_empty() && known.iter().all(|context| context.name != DEFAULT) {
            known.push(Context { name: DEFAULT.to_owned(), ..Context::default() });
        }
        Ok(Self { known, ..Self::default() })
    }

    /// The context of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Context> {
        self.known.iter().find(|context| context.name == name)
    }

    /// Those that are not looked at.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Context> {
        self.known.iter().filter(|context| match &self.current {
            Some(current) => *current != context.name,
            None => !context.is_default(),
        })
    }

    /// This one is looked at from now on.
    pub(crate) fn choose(&mut self, name: String) {
        let is_default = self.find(&name).is_some_and(Context::is_default);
        self.current = Some(name).filter(|_| !is_default);
    }
}

impl Context {
    /// Whether it is the daemon of the command line.
    pub(crate) fn is_default(&self) -> bool {
        self.reach == Reach::default()
    }

    /// Where it leads, for people.
    pub(crate) fn told(&self) -> String {
        let place = match (&self.reach.server, &self.reach.socket) {
            (Some(server), _) => server.clone(),
            (None, Some(socket)) => socket.display().to_string(),
            (None, None) => "the daemon of the command line".to_owned(),
        };
        if self.read_only { format!("{place}, read-only") } else { place }
    }
}

fn context(name: String, written: Written, home: Option<&Path>) -> Result<Context, ContextError> {
    let letters = name.chars().count();
    if !(1..=40).contains(&letters)
        || name.chars().any(|letter| letter.is_whitespace() || letter.is_control())
    {
        return Err(ContextError::Name(name));
    }
    if written.socket.is_some() == written.server.is_some() {
        return Err(ContextError::Reach(name));
    }
    if written.client_cert.is_some() != written.client_key.is_some() {
        return Err(ContextError::Identity(name));
    }
    if written.server.is_none() && (written.ca.is_some() || written.client_cert.is_some()) {
        return Err(ContextError::Tls(name));
    }
    let at_home = |path: PathBuf| match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        (Ok(_), None) | (Err(_), _) => path,
    };
    let reach = Reach {
        socket: written.socket.map(at_home),
        server: written.server,
        ca: written.ca.map(at_home),
        token_file: written.token_file.map(at_home),
        client_cert: written.client_cert.map(at_home),
        client_key: written.client_key.map(at_home),
    };
    Ok(Context { name, reach, read_only: written.read_only, theme: written.theme })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Contexts, String> {
        let written: BTreeMap<String, Written> = toml::from_str(text).map_err(|error| error.to_string())?;
        Contexts::new(written, Some(Path::new("/home/ada"))).map_err(|error| error.to_string())
    }

    #[test]
    fn a_context_is_a_socket_or_a_server() {
        let mut contexts = read("[hall]\nserver = \"hall.example\"\nca = \"~/hall.pem\"\nread_only = true\n[own]\nsocket = \"/run/own.sock\"").expect("it reads");
        let hall = contexts.find("hall").expect("it is there");
        assert_eq!(hall.reach.ca.as_deref(), Some(Path::new("/home/ada/hall.pem")));
        assert_eq!(hall.told(), "hall.example, read-only");
        contexts.current = Some("hall".to_owned());
        let others: Vec<&str> = contexts.others().map(|context| context.name.as_str()).collect();
        assert_eq!(others, ["own", "default"]);
        contexts.choose("default".to_owned());
        assert_eq!(contexts.current, None);
        assert_eq!(contexts.others().count(), 2);
        assert_eq!(Contexts::new(BTreeMap::new(), None).expect("none").others().count(), 0);
    }

    #[test]
    fn what_leads_nowhere_is_refused_by_name() {
        for (text, told) in [
            ("[a]\nread_only = true", "contexts.a: say either socket or server"),
            ("[a]\nsocket = \"/s\"\nserver = \"h\"", "contexts.a: say either socket or server"),
            (
                "[a]\nsocket = \"/s\"\nca = \"/c\"",
                "contexts.a: ca, client_cert and client_key are for a server",
            ),
            (
                "[a]\nserver = \"h\"\nclient_key = \"/k\"",
                "contexts.a: client_cert and client_key stand together",
            ),
            ("[\"a b\"]\nsocket = \"/s\"", "contexts.a b: a name has 1 to 40 letters, and no spaces"),
        ] {
            assert_eq!(read(text).expect_err("it leads nowhere"), told);
        }
        assert!(read("[a]\nsockt = \"/s\"").expect_err("a typo").contains("unknown field `sockt`"));
    }
}
