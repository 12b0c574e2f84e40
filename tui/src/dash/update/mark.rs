//! Marks: an order is about them, wherever their rows are. They go with what was seen of their jobs last, so that an order
//! is refused whose job has changed since.

use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::Matching;
use crate::dash::row::Row;
use crate::dash::theme::Tone;
use guildhall_protocol::bulk::BULK_JOBS_MAX;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::listing::{JobCount, JobFilter};

/// Marks the chosen job, or no longer.
pub(super) fn turn(model: &mut Model) {
    let Some(Row::Job(id)) = model.chosen_row() else { return };
    model.matching = None;
    model.mark_turn += 1;
    if model.marks.remove(&id).is_some() {
        return;
    }
    if let Some(head) = model.data.jobs.rows.iter().find(|head| head.id == id) {
        model.marks.insert(id, head.clone());
    }
}

/// The jobs were read: what is seen of the marked ones is kept, and those that left the list are no longer marked.
pub(super) fn settle(model: &mut Model) {
    if !model.marks.is_empty() {
        for head in &model.data.jobs.rows {
            if let Some(marked) = model.marks.get_mut(&head.id)
                && marked.revision != head.revision
            {
                marked.clone_from(head);
            }
        }
        let left = model.data.jobs.left_by(model.marks.values(), model.filter.sort);
        model.marks.retain(|id, _| !left.contains(id));
        match left.as_slice() {
            [] => {}
            [one] => model.tell(Tone::Warn, format!("{one} is no longer in the list, and no longer marked")),
            more => {
                let told = format!("{} jobs are no longer in the list, and no longer marked", more.len());
                model.tell(Tone::Warn, told);
            }
        }
    }
    if model.marks.is_empty() {
        model.matching = None;
    }
}

/// Another list is shown: nobody sees any more what was marked.
pub(super) fn drop_all(model: &mut Model) {
    let count = model.marks.len();
    model.unmark();
    match count {
        0 => {}
        1 => model.tell_marks(Tone::Dim, "the mark was of another list and is gone"),
        _ => model.tell_marks(Tone::Dim, format!("the {count} marks were of another list and are gone")),
    }
}

/// All that are loaded; then all that match, if they are more; then none.
pub(super) fn all(model: &mut Model) -> Vec<Effect> {
    let rows = &model.data.jobs.rows;
    let more = model.data.jobs.has_more();
    if !rows.iter().all(|head| model.marks.contains_key(&head.id)) {
        model.matching = None;
        model.mark_turn += 1;
        model.marks.extend(rows.iter().map(|head| (head.id, head.clone())));
        if more {
            let marked = model.marks.len();
            model.tell_marks(
                Tone::Accent,
                format!("{marked} rows are marked; * once more means all that match"),
            );
        }
        return Vec::new();
    }
    if !more || model.matching.is_some() {
        model.unmark();
        model.tell_marks(Tone::Dim, "nothing is marked any more");
        return Vec::new();
    }
    let filter = model.filter.at(model.now);
    vec![Effect::Count { turn: model.mark_turn, filter }]
}

/// So many match: they are what is meant from now on, if one order takes them.
pub(super) fn counted(model: &mut Model, turn: u64, filter: JobFilter, count: Result<JobCount, ApiError>) {
    // Meanwhile something else is marked, or nothing any more.
    if turn != model.mark_turn || model.marks.is_empty() {
        return;
    }
    match count {
        Err(error) => model.tell(Tone::Bad, format!("they cannot be counted: {}", error.message)),
        Ok(found) if !found.exact || found.count > BULK_JOBS_MAX as u64 => {
            let told =
                format!("{found} match, and one order takes {BULK_JOBS_MAX}: narrow the filter with /");
            model.tell_marks(Tone::Warn, told);
        }
        Ok(found) => {
            let text = if model.filter_text.is_empty() { "everything" } else { model.filter_text.as_str() };
            model.matching = Some(Matching { filter, text: text.to_owned(), count: found.count });
            model.tell_marks(Tone::Accent, format!("all {found} that match are meant; * means none"));
        }
    }
}
