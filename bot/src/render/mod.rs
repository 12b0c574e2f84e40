//! What people see: from what the daemon tells to messages. Pure functions; every text of others is made safe here.

mod agent;
mod card;
mod list;
mod modal;
mod notice;
mod problem;
mod setup;
mod thread;
mod words;

pub(crate) use agent::{
    bring_key, may_rotate, may_update, not_registered, nothing_differs, registered, secret_link,
    secrets_elsewhere, trial_goes_on, tried, updated,
};
pub(crate) use card::{Look, card, public_card};
pub(crate) use list::{agent_story, agents, found, inbox, jobs, queue, why};
pub(crate) use modal::{
    FIELDS_MAX, Seen, again_form, agent_form, answer_form, asked_by, post_form, reason_form, register_form,
    try_form,
};
pub(crate) use notice::{alert, beside_card, notice, outdated};
pub(crate) use problem::{may_be_posted, not_answered, not_posted, problems, refusal, returned};
pub(crate) use setup::{VISIBLE, may_not_post, setup_channels, setup_people};
pub(crate) use thread::{opened, thread_button, thread_name, thread_news, thread_ping};
pub(crate) use words::{
    account, error, help, link_offer, many, policy, posted, posted_many, preview, stale, status, timezone,
    usage,
};

use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::wire::Wire;

/// Longest title, graphemes.
const TITLE_MAX: usize = 120;

/// A time as Discord shows it, in the reader's own zone and relative to now.
fn when(at: Timestamp) -> String {
    let seconds = at.0.div_euclid(1_000);
    format!("<t:{seconds}:f> (<t:{seconds}:R>)")
}

/// A state in a word, with a sign.
fn state(state: &Wire<JobState>) -> String {
    let sign = match state.known() {
        Some(JobState::Completed) => "✅",
        Some(JobState::Failed | JobState::Expired) => "❌",
        Some(JobState::Canceled) => "🚫",
        Some(JobState::InputRequired(_)) => "❓",
        Some(JobState::InReview(_)) => "👀",
        Some(JobState::Held(_)) => "✋",
        Some(JobState::Assigned | JobState::Working | JobState::Evaluating) => "⏳",
        Some(JobState::Open) | None => "🔎",
    };
    format!("{sign} {state}")
}

/// The colour of a state.
fn color(state: &Wire<JobState>) -> u32 {
    match state.known() {
        Some(JobState::Completed) => 0x0057_F287,
        Some(JobState::Failed | JobState::Expired | JobState::Canceled) => 0x00ED_4245,
        Some(JobState::InputRequired(_) | JobState::InReview(_) | JobState::Held(_)) => 0x00FE_E75C,
        Some(JobState::Open | JobState::Assigned | JobState::Working | JobState::Evaluating) | None => {
            0x0058_65F2
        }
    }
}

/// A sentence that stands alone.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}
