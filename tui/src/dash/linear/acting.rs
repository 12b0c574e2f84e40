//! Doing something from the prompt: what it does is said first, what it needs is asked for, and only "yes" does it.

use super::{Desk, hears, tell, words};
use crate::dash::effects::perform;
use crate::dash::msg::Outcome;
use crate::dash::overlay::{Confirm, Deed, Target, effect, fields};
use crate::dash::update::ready;
use crate::fault::Fault;
use crate::session::own_zone;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::Order;
use tui_input::Input;

impl Desk {
    pub(super) async fn act(
        &mut self,
        action: JobAction,
        job: JobId,
        text: Option<String>,
    ) -> Result<(), Fault> {
        if self.read_only {
            return tell("Nothing can be ordered here: --read-only was given.");
        }
        let story = self.story(job).await?;
        self.job = Some(job);
        if !story.allowed.contains(&action) {
            let names: Vec<&str> = story.allowed.iter().copied().map(JobAction::name).collect();
            let can = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            let state = &story.head.state;
            return tell(&format!("Not now: job {job} is {state}. You can do: {can}."));
        }
        let title = words::title(&story.head);
        let target = Target { job, epoch: story.head.epoch, title: title.clone() };
        let mut confirm = Confirm {
            title: format!("{} {job}", action.name()),
            effect: effect(action).to_owned(),
            deed: Deed::Jobs { jobs: vec![target], order: Order::of(action) },
            fields: fields(action),
            typed: None,
            focus: 0,
            trouble: None,
            back: String::new(),
        };
        if let (Some(text), Some(field)) = (&text, confirm.fields.first_mut()) {
            field.input = Input::new(text.clone());
        }
        for place in usize::from(text.is_some())..confirm.fields.len() {
            let field = &confirm.fields[place];
            let needed = if field.required { "" } else { ", or nothing" };
            tell(&format!("{} ({}){needed}:", field.label, field.hint))?;
            let line = hears("")?.unwrap_or_default();
            confirm.fields[place].input = Input::new(line);
        }
        if let Some(missing) = confirm.missing() {
            return tell(&format!("{missing}. Nothing was done."));
        }
        let deed = match ready(&confirm, Timestamp::now(), &own_zone()) {
            Ok(deed) => deed,
            Err(trouble) => return tell(&format!("{trouble}. Nothing was done.")),
        };
        tell(&format!("{} {job}, {title}. {} Say yes to do it.", action.name(), confirm.effect))?;
        let answer = hears("yes or no> ")?.unwrap_or_default();
        if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return tell("Nothing was done.");
        }
        match perform(&self.session, deed).await {
            Outcome::One(outcome) => told(outcome),
            // Only orders to jobs are given here.
            Outcome::Posted(_) | Outcome::Registered(_) | Outcome::Updated(_) => Ok(()),
            Outcome::Jobs(jobs) => jobs.into_iter().try_for_each(|(job, outcome)| {
                told(outcome.map(|head| format!("job {job} is {}", head.state)))
            }),
        }
    }
}

fn told(outcome: Result<String, guildhall_protocol::error::ApiError>) -> Result<(), Fault> {
    match outcome {
        Ok(told) => tell(&format!("Done: {told}.")),
        Err(error) => Err(error.into()),
    }
}
