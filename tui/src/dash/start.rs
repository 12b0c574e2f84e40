//! How the dashboard begins: as the command line and the person's file say, and else where the person left it.

use super::contexts::Contexts;
use super::keys::Keys;
use super::model::Model;
use super::place::Place;
use super::settings::{self, Settings};
use super::state::{Slot, State};
use super::theme::{Palette, Theme, Tone};
use super::views::Finding;
use crate::cli::DashArgs;
use crate::fault::Fault;
use crate::session::Session;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::transport::{demo_socket, usual_socket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::rc::Rc;

/// How the dashboard is started.
pub(crate) struct Options {
    pub(crate) theme: Theme,
    pub(crate) keys: Keys,
    pub(crate) contexts: Contexts,
    pub(crate) read_only: bool,
    pub(crate) mouse: bool,
    pub(crate) given: Given,
}

/// What the command line says, so that the last time does not.
pub(crate) struct Given {
    /// Begin where everybody begins.
    fresh: bool,
    /// Which colors.
    theme: bool,
    /// Which daemon.
    daemon: bool,
}

impl Options {
    /// As the command line says, and else the person's file.
    pub(crate) fn of(args: &DashArgs, daemon_is_named: bool) -> Result<Self, Fault> {
        let file = match settings::usual_file() {
            Some(path) => settings::read(&path).map_err(|error| Fault::Input(error.to_string()))?,
            None => Settings::default(),
        };
        // https://no-color.org: any value that is not empty.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let usual = if no_color { Palette::Plain } else { file.theme.unwrap_or(Palette::Dark) };
        let theme = Theme { palette: args.theme.unwrap_or(usual), ascii: args.ascii || file.ascii };
        let (keys, contexts) = (file.keys, file.contexts);
        Ok(Self {
            theme,
            keys,
            contexts,
            read_only: args.read_only,
            mouse: args.mouse || file.mouse,
            given: Given {
                fresh: args.fresh,
                theme: args.theme.is_some() || no_color,
                daemon: daemon_is_named,
            },
        })
    }
}

/// A demo that stays, where no daemon of this user's own answers: somebody who tries things out need not name it. Orders of
/// the command line never go there by themselves.
pub(crate) fn demo() -> Option<PathBuf> {
    let answers = |socket: &PathBuf| UnixStream::connect(socket).is_ok();
    if usual_socket().as_ref().is_some_and(answers) {
        return None;
    }
    demo_socket().filter(answers)
}

/// What the dashboard begins with.
pub(super) struct Begun {
    /// The daemon of the command line.
    pub(super) home: Rc<Session>,
    /// The daemon that is looked at first.
    pub(super) session: Rc<Session>,
    pub(super) model: Model,
    pub(super) state: State,
}

/// The first model: where the person was when they left, unless they want to begin afresh.
pub(super) fn begin(session: Session, options: Options, size: (u16, u16)) -> Begun {
    let state = State::usual();
    let kept = if options.given.fresh { None } else { state.read(&Slot::Place) };
    let mut place = kept.map(|text| Place::read(&text)).unwrap_or_default();
    if options.given.theme {
        place.forget_palette();
    }
    let mut contexts = options.contexts;
    let mut trouble = None;
    let context = place.context.take().filter(|_| !options.given.daemon);
    let context = context.and_then(|name| contexts.find(&name).cloned());
    let home = Rc::new(session);
    let mut session = Rc::clone(&home);
    contexts.palette = Some(options.theme.palette);
    let (mut theme, mut read_only) = (options.theme, options.read_only);
    if let Some(context) = context {
        match Session::of_context(&context.reach) {
            Ok(other) => {
                session = Rc::new(other);
                read_only |= context.read_only;
                theme.palette = context.theme.filter(|_| !options.given.theme).unwrap_or(theme.palette);
                contexts.current = Some(context.name);
            }
            Err(fault) => trouble = Some(format!("{}: {fault}", context.name)),
        }
    }
    let mut model = Model::new(session.endpoint().to_string(), theme, size, Timestamp::now());
    model.keys = options.keys;
    model.zone = crate::session::own_zone();
    model.contexts = contexts;
    model.contexts.read_only = options.read_only;
    model.read_only = read_only;
    model.seed = RequestId::fresh().to_string();
    model.finding = state.read(&Slot::Finding).map(|text| Finding::read(&text)).unwrap_or_default();
    model.drafts = state.drafts(&model.endpoint).into_iter().collect();
    place.restore(&mut model);
    if let Some(trouble) = trouble {
        model.tell(Tone::Bad, trouble);
    }
    if matches!(session.endpoint(), Endpoint::Socket(socket) if demo_socket().as_ref() == Some(socket)) {
        model.tell(Tone::Accent, "This is the demo: no daemon of yours answers");
    }
    Begun { home, session, model, state }
}
