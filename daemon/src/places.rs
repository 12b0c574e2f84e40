//! Places in memory: what every post, pick and call asks of them, without asking the store.
//!
//! The store is the truth; this is written after it, by whoever changed it, and what is older never replaces what is newer.

use crate::store::{PlaceQuery, PlaceRecord, Query, Store, StoreError};
use guildhall_protocol::ids::PlaceId;
use guildhall_protocol::place::PlaceSettings;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Places read at a time.
const PAGE: u32 = 500;

/// What is settled for every place of which something is.
#[derive(Default)]
pub struct Places(RwLock<BTreeMap<PlaceId, Settled>>);

struct Settled {
    revision: u64,
    settings: Arc<PlaceSettings>,
}

impl Places {
    /// Reads all of them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let places = Self::default();
        let mut after = PlaceId(0);
        loop {
            let page = store.places(Query::Place(PlaceQuery::Places { after, limit: PAGE })).await?;
            let Some(last) = page.last() else { return Ok(places) };
            after = last.id;
            for record in &page {
                places.put(record);
            }
        }
    }

    /// What is settled for a place from now on.
    pub fn put(&self, record: &PlaceRecord) {
        let revision = record.chain.revision;
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if revision > 0 && places.get(&record.id).is_none_or(|known| known.revision < revision) {
            let settings = Arc::new(record.settings.clone());
            places.insert(record.id, Settled { revision, settings });
        }
    }

    /// What is settled for a place; of most, nothing.
    pub fn of(&self, place: PlaceId) -> Arc<PlaceSettings> {
        let places = self.0.read().unwrap_or_else(PoisonError::into_inner);
        places.get(&place).map(|known| Arc::clone(&known.settings)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Chain;
    use guildhall_protocol::account::Identity;

    #[test]
    fn what_is_older_never_counts_again() {
        let places = Places::default();
        let record = |revision: u64, board: &str| PlaceRecord {
            id: PlaceId(2),
            identity: Identity { kind: "discord".to_owned(), id: "1".to_owned() },
            name: String::new(),
            settings: PlaceSettings { board: Some(board.to_owned()), ..PlaceSettings::default() },
            chain: Chain { revision, ..Chain::default() },
        };
        places.put(&record(2, "new"));
        places.put(&record(1, "old"));
        assert_eq!(places.of(PlaceId(2)).board.as_deref(), Some("new"));
        assert_eq!(*places.of(PlaceId::LOCAL), PlaceSettings::default());
    }
}
