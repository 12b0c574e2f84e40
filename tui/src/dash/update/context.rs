//! Another daemon, without leaving: nothing of the first one is left, and what was ordered there is sent there.

use super::deed;
use crate::dash::data::Data;
use crate::dash::link::Link;
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::screen::Trail;
use crate::dash::state::DraftOf;
use crate::dash::theme::Tone;

/// Asks for the daemon of this context.
pub(super) fn switch(model: &mut Model, name: &str) -> Vec<Effect> {
    let Some(context) = model.contexts.find(name).cloned() else { return Vec::new() };
    let mut effects = super::form::close_all(model);
    // They were meant for the daemon that is left.
    effects.extend(deed::send_all(model));
    effects.push(Effect::Switch(Box::new(context)));
    effects
}

/// The connection is to the daemon of this context from now on, or it could not be made.
pub(super) fn switched(
    model: &mut Model,
    name: String,
    outcome: Result<(String, Vec<(DraftOf, String)>), String>,
) {
    let (endpoint, drafts) = match outcome {
        Ok(found) => found,
        Err(why) => {
            model.tell(Tone::Bad, format!("{name}: {why}"));
            return;
        }
    };
    let Some(context) = model.contexts.find(&name).cloned() else { return };
    model.read_only = model.contexts.read_only || context.read_only;
    let usual = *model.contexts.palette.get_or_insert(model.theme.palette);
    model.theme.palette = context.theme.unwrap_or(usual);
    model.endpoint = endpoint;
    model.tell(Tone::Accent, format!("this is {name} now"));
    model.contexts.choose(name);
    model.link = Link::Connecting { since: model.now };
    model.who = None;
    model.data = Data::default();
    model.drafts = drafts.into_iter().collect();
    model.trail = Trail::at(model.screen().tab(), "");
    model.cursors.clear();
    model.panes.clear();
    model.unmark();
    model.still.clear();
    model.sent.clear();
    model.overlays.clear();
    model.filter_text = String::new();
    model.filter = crate::dash::filter::Filter::default();
    model.filter_turn += 1;
    model.version += 1;
    model.walking = None;
    model.to_edge = None;
}
