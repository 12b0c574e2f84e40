//! A form is sent, or it is asked before who would get the job.

use super::draft::keep;
use super::{back, top};
use crate::dash::form::{Form, Look, agent, job};
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::{Deed, Overlay};
use crate::dash::state::DraftOf;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::job::FieldError;
use guildhall_protocol::view::Preview;

/// Sends it, if nothing is wrong as far as this side knows.
pub(super) fn send(model: &mut Model, mut form: Box<Form>) -> Vec<Effect> {
    form.look = Look::None;
    if form.waits {
        form.trouble = Some("what it begins with is not read yet".to_owned());
        return back(model, form);
    }
    if model.read_only || !model.link.is_live() {
        let why =
            if model.read_only { "the dashboard is read-only" } else { "there is no daemon to send it to" };
        form.trouble = Some(format!("{why}; the draft is kept"));
        return back(model, form);
    }
    let deed = match deed(&form, model) {
        Ok(deed) => deed,
        Err(problems) => {
            form.fields.iter_mut().for_each(|field| field.error = None);
            form.tell(&problems);
            return back(model, form);
        }
    };
    let number = model.log(form.title(), &deed);
    form.sending = Some(number);
    form.changed = true;
    model.sending.insert(number, (model.endpoint.clone(), form.of.clone()));
    // Its request id must outlast a crash: then it can be sent again and is posted once.
    let mut effects = keep(model, &form);
    effects.push(Effect::Do { number, deed });
    model.overlays.push(Overlay::Form(form));
    effects
}

fn deed(form: &Form, model: &Model) -> Result<Deed, Vec<FieldError>> {
    let request = form.request.clone();
    match &form.of {
        DraftOf::Job | DraftOf::Again(_) => {
            Ok(Deed::Post { request, draft: Box::new(job::draft(form, model.now)?) })
        }
        DraftOf::Agent => {
            let (definition, options) = agent::definition(form)?;
            Ok(Deed::Register { request, definition: Box::new(definition), options })
        }
        DraftOf::Version(_) => {
            let (definition, options) = agent::definition(form)?;
            Ok(Deed::Update { request, definition: Box::new(definition), options })
        }
    }
}

/// Looks who would get the job; of an agent, whether anything is wrong.
pub(super) fn look(model: &mut Model, mut form: Box<Form>) -> Vec<Effect> {
    if form.waits {
        form.trouble = Some("what it begins with is not read yet".to_owned());
        return back(model, form);
    }
    let problems = form.problems(model.now);
    if !problems.is_empty() {
        form.tell(&problems);
        return back(model, form);
    }
    if !form.of.is_job() {
        form.trouble = Some("nothing is wrong as far as this side can tell; ctrl-s sends it".to_owned());
        return back(model, form);
    }
    if !model.link.is_live() {
        form.trouble = Some("there is no daemon to ask".to_owned());
        return back(model, form);
    }
    let Ok(draft) = job::draft(&form, model.now) else { return back(model, form) };
    form.turn += 1;
    form.look = Look::Asked;
    let effect = Effect::Preview { turn: form.turn, draft: Box::new(draft) };
    model.overlays.push(Overlay::Form(form));
    vec![effect]
}

/// Who would get the job.
pub(in crate::dash::update) fn looked(model: &mut Model, turn: u64, preview: Result<Box<Preview>, ApiError>) {
    let Some(form) = top(model) else { return };
    if form.turn == turn && matches!(form.look, Look::Asked) {
        form.look = Look::Shown { preview, top: 0 };
    }
}
