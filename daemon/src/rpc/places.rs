//! Calls about places: what is settled for them, by whom, and what a post must keep to.

use super::Caller;
use super::errors::{forbidden, internal, invalid, not_found, store};
use super::session::denied;
use crate::scribe::Scribe;
use crate::store::{Command, PlaceCommand, PlaceFence, PlaceQuery, PlaceRecord, Query, StoreError};
use guildhall_protocol::account::Role;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::{Actor, Subject, What};
use guildhall_protocol::ids::{PlaceId, RequestId};
use guildhall_protocol::matrix::{Denied, Verb, Whose};
use guildhall_protocol::place::{
    CHANGES_MAX, POSTERS_FIELD, PlaceChange, PlaceHead, PlaceRef, PlaceSettings, PlaceStory, Posters,
};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{PAGE_ROWS_MAX, Page, PageRequest};
use std::sync::Arc;

/// How often a change is tried when others change the place at the same moment.
const TRIES: u32 = 20;

impl Caller {
    /// What is settled where this caller acts.
    pub(super) fn settled_here(&self) -> Arc<PlaceSettings> {
        self.desk.engine.parts().places.of(self.who.terms.place)
    }

    /// Refuses a post of somebody who is in none of the groups that may. Whoever manages the place could let themselves in,
    /// and operators post where they work.
    pub(super) fn check_poster(&self) -> Result<(), ApiError> {
        let here = self.settled_here();
        let Posters::Groups(groups) = &here.posters else { return Ok(()) };
        let is_member = self.who.groups.iter().any(|group| groups.contains(group));
        if is_member || self.who.terms.manages || self.powers().place >= Role::Operator {
            return Ok(());
        }
        Err(forbidden("in this place only members of certain groups post jobs, and you are in none of them")
            .in_field(POSTERS_FIELD)
            .hint("ask whoever manages the place to let you into one of them; `guildhall place show` names them"))
    }

    /// What this caller is to a place.
    fn relation_to_place(&self, place: PlaceId) -> Whose {
        let terms = &self.who.terms;
        match (place == terms.place, terms.manages) {
            (true, true) => Whose::Own,
            (true, false) => Whose::Seen,
            (false, _) => Whose::Others,
        }
    }

    /// A place that exists for this caller; none named: where they act.
    async fn place_named(&self, place: Option<&PlaceRef>) -> Result<PlaceRecord, ApiError> {
        let query = match place {
            None => PlaceQuery::Place(self.who.terms.place),
            Some(PlaceRef::Number(id)) => PlaceQuery::Place(*id),
            Some(PlaceRef::Identity(identity)) => PlaceQuery::Known(identity.clone()),
        };
        let nothing = || match place {
            None => not_found("such place"),
            Some(place) => not_found(&format!("place {place}")).in_field("place"),
        };
        let found = self.desk.store().places(Query::Place(query)).await.map_err(store)?.pop();
        let may_read = |record: &PlaceRecord| {
            Verb::ReadPlace.may(self.relation_to_place(record.id), self.powers()).is_ok()
        };
        found.filter(may_read).ok_or_else(nothing)
    }

    pub(super) async fn place_story(&self, place: Option<PlaceRef>) -> Result<PlaceStory, ApiError> {
        let record = self.place_named(place.as_ref()).await?;
        self.story_of_place(record).await
    }

    async fn story_of_place(&self, record: PlaceRecord) -> Result<PlaceStory, ApiError> {
        let may_change = self.check_change(record.id).is_ok();
        let events = if may_change {
            self.desk.events(Subject::Place(record.id), record.chain.revision).await?
        } else {
            Vec::new()
        };
        let may_post = record.id != self.who.terms.place || self.check_poster().is_ok();
        Ok(PlaceStory { head: head_of(record), may_change, may_post, events })
    }

    pub(super) async fn list_places(&self, page: PageRequest) -> Result<Page<PlaceHead>, ApiError> {
        self.check(Verb::ListPlaces)?;
        let limit = page.limit.clamp(1, PAGE_ROWS_MAX);
        let query = PlaceQuery::Places { after: PlaceId(page.after.unwrap_or(0)), limit };
        let rows = self.desk.store().places(Query::Place(query)).await.map_err(store)?;
        let full = rows.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let next = rows.last().filter(|_| full).map(|place| place.id.0);
        Ok(Page { rows: rows.into_iter().map(head_of).collect(), next })
    }

    /// Refuses who may not change the settings of a place that they see.
    fn check_change(&self, place: PlaceId) -> Result<(), ApiError> {
        Verb::ChangePlace.may(self.relation_to_place(place), self.powers()).map_err(|why| match why {
            Denied::Role { .. } => forbidden(
                "only whoever manages this place, or an operator of the marketplace, may change its settings",
            )
            .hint("in Discord, whoever has the permission Manage Server manages it"),
            Denied::Suspended | Denied::Bridged { .. } => denied(why),
        })
    }

    pub(super) async fn place_settled(
        &self,
        id: RequestId,
        place: Option<PlaceRef>,
        changes: Vec<PlaceChange>,
    ) -> Result<PlaceStory, ApiError> {
        if changes.is_empty() || changes.len() > CHANGES_MAX {
            return Err(invalid("changes", format!("are 1 to {CHANGES_MAX} in one call")));
        }
        let content = serde_json::to_vec(&(&place, &changes)).map_err(|error| internal(&error))?;
        let request = self.request(id, "set-place", &content);
        if self.receipt(&request).await?.is_some() {
            return self.place_story(place).await;
        }
        for _ in 0..TRIES {
            let record = self.place_named(place.as_ref()).await?;
            self.check_change(record.id)?;
            let now = Timestamp::now();
            let mut settings = record.settings.clone();
            let mut scribe = Scribe::new(self.desk.maker(), now, record.chain, Actor::User(self.who.user));
            for change in &changes {
                self.check_setting(record.id, change)?;
                let after = settings.clone().after(change)?;
                if after != settings {
                    let change_text = serde_json::to_string(change).map_err(|error| internal(&error))?;
                    let text = scribe.text(&change_text);
                    scribe.event(What::PlaceChanged { setting: change.setting(), change: text });
                    settings = after;
                }
            }
            let fence = PlaceFence { place: record.id, chain: record.chain };
            let (request, entry) = (request.clone(), scribe.finish());
            let others = settings.agents != record.settings.agents;
            let command = PlaceCommand::Turn { request, fence, settings, entry };
            match self.desk.store().apply(now, Command::Place(command)).await {
                Ok(_) => {
                    // What is read now may be newer still.
                    let record = self.place_named(Some(&PlaceRef::Number(record.id))).await?;
                    let parts = self.desk.engine.parts();
                    parts.places.put(&record);
                    if others {
                        self.desk.engine.agent_changed();
                    }
                    parts.changes.touch(None);
                    return self.story_of_place(record).await;
                }
                // Somebody settled something else at the same moment, and both count.
                Err(StoreError::Stale) => {}
                Err(error) => return Err(store(error)),
            }
        }
        Err(store(StoreError::Stale))
    }

    /// Refuses what makes no sense in a place, or reaches further than what the caller came with.
    fn check_setting(&self, place: PlaceId, change: &PlaceChange) -> Result<(), ApiError> {
        let field = change.setting().name();
        let names_some = match change {
            PlaceChange::Board(name) | PlaceChange::Alerts(name) | PlaceChange::Operators(name) => {
                name.is_some()
            }
            PlaceChange::Posters(posters) => *posters != Posters::Everybody,
            PlaceChange::Agents { .. } | PlaceChange::AllAgents | PlaceChange::Visibility(_) => false,
        };
        if names_some && place == PlaceId::LOCAL {
            return Err(invalid(field, "the machine itself is a place without channels and groups"));
        }
        let terms = &self.who.terms;
        if let PlaceChange::Operators(Some(_)) = change
            && terms.bridged
            && terms.ceiling < Role::Operator
        {
            let told =
                format!("the bridge acts up to {}: nobody becomes an operator through it", terms.ceiling);
            return Err(forbidden(told).in_field(field).hint(
                "whoever runs the daemon can give the bridge another token: `guildhalld token create NAME --kind bridge \
                 --up-to operator`",
            ));
        }
        if let PlaceChange::Agents { allow, .. } = change {
            let market = self.desk.engine.market();
            let unknown = allow
                .iter()
                .find(|name| !market.named(name).is_some_and(|listing| self.may_see(&listing.record)));
            if let Some(name) = unknown {
                return Err(not_found(&format!("agent {name}")).in_field(field));
            }
        }
        Ok(())
    }
}

fn head_of(record: PlaceRecord) -> PlaceHead {
    PlaceHead { id: record.id, identity: record.identity, name: record.name, settings: record.settings }
}
