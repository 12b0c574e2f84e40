//! What is shown: `view` looks at the model and paints, and changes nothing.

pub(crate) mod agent;
mod agents;
pub(crate) mod events;
mod forms;
mod frame;
mod gantt;
mod inbox;
pub(crate) mod job;
pub(crate) mod jobs;
mod list;
mod notices;
mod overlays;
pub(crate) mod overview;
mod people;
mod whole;

use super::model::Model;
use super::overlay::Overlay;
use super::pen::{Drawn, Pen};
use super::row::Row;
use super::screen::Screen;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Paints the model; what lies where, and when it reads otherwise by itself.
pub(crate) fn view(model: &Model, buffer: &mut Buffer) -> Drawn {
    let mut pen = Pen::new(buffer, model);
    let area = pen.area();
    if area.width == 0 || area.height == 0 {
        return pen.done();
    }
    let parts = model.parts();
    match model.screen() {
        Screen::Overview => overview::paint(&mut pen, parts.body),
        Screen::Jobs => jobs::paint(&mut pen, parts.body),
        Screen::Job(id) => job::paint(&mut pen, parts.body, *id),
        Screen::Agents => agents::paint(&mut pen, parts.body),
        Screen::Agent(name) => agent::paint(&mut pen, parts.body, name),
        Screen::Events => events::paint(&mut pen, parts.body),
        Screen::Notices => notices::paint(&mut pen, parts.body),
        Screen::Notice(id) => notices::paint_one(&mut pen, parts.body, *id),
        Screen::Inbox => inbox::paint(&mut pen, parts.body),
        Screen::Log => events::paint_log(&mut pen, parts.body),
        Screen::People => people::paint(&mut pen, parts.body),
        Screen::Person(id) => people::paint_one(&mut pen, parts.body, *id),
    }
    frame::header(&mut pen, parts.header);
    frame::footer(&mut pen, parts.footer);
    frame::toasts(&mut pen, parts.told);
    for overlay in &model.overlays {
        match overlay {
            // Its own keys stand at its foot.
            Overlay::Form(form) => {
                let height = parts.footer.bottom() - parts.body.y;
                let whole = Rect { height, ..parts.body };
                forms::paint(&mut pen, whole, form);
            }
            Overlay::Help { .. }
            | Overlay::Palette { .. }
            | Overlay::Filter { .. }
            | Overlay::Find { .. }
            | Overlay::Confirm(_)
            | Overlay::Leave
            | Overlay::Actions { .. }
            | Overlay::Told { .. } => overlays::paint(&mut pen, parts.body, overlay),
        }
    }
    pen.done()
}

/// The rows of the list of a screen, in order.
pub(crate) fn rows(model: &Model, screen: &Screen) -> Vec<Row> {
    match screen {
        Screen::Overview => overview::rows(model),
        Screen::Jobs => jobs::rows(model),
        Screen::Job(id) => job::rows(model, *id),
        Screen::Agents => agents::rows(model),
        Screen::Agent(name) => agent::rows(model, name),
        Screen::Events => events::rows(model),
        Screen::Notices => notices::rows(model),
        Screen::Notice(id) => notices::rows_of_one(model, *id),
        Screen::Inbox => inbox::rows(model),
        Screen::Log => events::rows_of_log(model),
        Screen::People => people::rows(model),
        Screen::Person(id) => people::rows_of_one(model, *id),
    }
}
