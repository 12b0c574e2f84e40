//! What waits in the inbox about agents is decided there: approved, refused, taken.

use super::Desk;
use crate::dash::msg::{Msg, Outcome};
use crate::dash::overlay::Deed;
use crate::dash::screen::Screen;
use guildhall_protocol::account::Role;
use guildhall_protocol::agent::Audience;
use guildhall_protocol::ids::UserId;
use guildhall_protocol::view::{AgentHead, HoldOrder, Page};

/// Before an inbox with an agent to approve and one that is offered.
fn before_agents_that_wait() -> Desk {
    let mut desk = Desk::new(120, 36);
    let agents: Page<AgentHead> = super::read(include_str!("../fixtures/agents.json"));
    let mut heads = agents.rows.into_iter();
    let mut wanted = heads.next().expect("an agent");
    wanted.wanted = Some(Audience::Public);
    let mut offered = heads.next().expect("another one");
    (offered.owner, offered.wanted) = (UserId(7), None);
    desk.inbox.mine.clear();
    desk.inbox.approvals = vec![wanted];
    desk.inbox.offers = vec![offered];
    desk.presses(&["4"]);
    desk
}

fn only_order(desk: &Desk) -> (String, HoldOrder) {
    assert_eq!(desk.deeds.len(), 1, "{:?}", desk.deeds);
    let Deed::Hold { name, order } = &desk.deeds[0].1 else { panic!("{:?}", desk.deeds) };
    (name.to_string(), order.clone())
}

#[test]
fn an_agent_is_approved_for_whom_it_wants_to_work() {
    let mut desk = before_agents_that_wait();
    let name = desk.inbox.approvals[0].name.to_string();
    desk.presses(&["+"]);
    assert!(desk.model.overlays.is_empty(), "it is not offered");
    desk.presses(&["a"]);
    desk.sees(&format!("Let {name} work for everybody"));
    desk.sees("It is sent after five seconds; until then u takes it back.");
    desk.presses(&["enter"]);
    assert!(desk.model.pending.is_empty(), "enter alone means no");
    desk.presses(&["a", "tab", "enter"]);
    desk.waits(5_100);
    assert_eq!(only_order(&desk), (name, HoldOrder::Publish { audience: Audience::Public }));
    let number = desk.deeds[0].0;
    desk.inbox.approvals.clear();
    desk.meets(Msg::Done { number, outcome: Outcome::One(Ok("it works for everybody".to_owned())) });
    assert!(!desk.text().contains("Agents to approve"), "{}", desk.text());
}

#[test]
fn an_agent_is_refused_with_a_reason() {
    let mut desk = before_agents_that_wait();
    let name = desk.inbox.approvals[0].name.to_string();
    desk.presses(&["A", "tab", "tab", "enter"]);
    desk.sees("Reason is needed");
    desk.presses(&["backtab", "backtab"]);
    desk.types("it has no examples");
    desk.presses(&["tab", "tab", "enter"]);
    desk.waits(5_100);
    let reason = Some("it has no examples".to_owned());
    assert_eq!(only_order(&desk), (name, HoldOrder::Refuse { reason }));
}

#[test]
fn an_agent_that_is_offered_is_taken() {
    let mut desk = before_agents_that_wait();
    let name = desk.inbox.offers[0].name.to_string();
    desk.presses(&["j", "a"]);
    assert!(desk.model.overlays.is_empty(), "nobody wants it to be approved");
    desk.presses(&["+"]);
    desk.sees(&format!("Take {name}"));
    desk.presses(&["tab", "enter"]);
    desk.waits(5_100);
    assert_eq!(only_order(&desk), (name, HoldOrder::Take));
}

#[test]
fn only_operators_approve() {
    let mut desk = before_agents_that_wait();
    let who = desk.model.who.as_mut().expect("somebody");
    (who.role, who.place_role) = (Role::Owner, Role::Owner);
    desk.presses(&["a"]);
    assert!(desk.model.overlays.is_empty());
    desk.sees("only an operator may do this");
}

#[test]
fn an_agent_is_approved_on_its_own_page_too() {
    let mut desk = before_agents_that_wait();
    desk.wanted = Some(Audience::Place);
    desk.presses(&["enter"]);
    assert!(matches!(desk.model.screen(), Screen::Agent(_)));
    desk.presses(&["a"]);
    desk.sees("work for its place");
}
