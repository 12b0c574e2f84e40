//! What every cache promises, checked against each.

use super::*;
use crate::llm::settings::CacheSettings;

fn all_kinds(folder: &std::path::Path) -> [CacheSettings; 3] {
    let bytes_max = SLED_BYTES_MIN;
    [
        CacheSettings::Off,
        CacheSettings::Memory { bytes_max },
        CacheSettings::Sled { folder: folder.join("cache"), bytes_max },
    ]
}

#[tokio::test]
async fn every_cache_answers_with_what_was_put_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    for settings in all_kinds(folder.path()) {
        let cache = open(&settings, StoreTag::from_random(1));
        let keeps = settings != CacheSettings::Off;
        assert_eq!(cache.get(&[1; 32]).await, None, "{settings:?} is empty");
        cache.put(&[1; 32], b"one");
        cache.put(&[2; 32], b"");
        let found = found_in_time(&*cache, &[1; 32], keeps).await;
        assert_eq!(found.as_deref(), keeps.then_some(&b"one"[..]), "{settings:?}");
        let found = found_in_time(&*cache, &[2; 32], keeps).await;
        assert_eq!(found.as_deref(), keeps.then_some(&b""[..]), "{settings:?} keeps nothing, too");
        assert_eq!(cache.get(&[3; 32]).await, None, "{settings:?}");
        cache.put(&[1; 32], b"another");
        let mut found = found_in_time(&*cache, &[1; 32], keeps).await;
        while keeps && found.is_none() {
            found = cache.get(&[1; 32]).await;
        }
        assert_eq!(found.as_deref(), keeps.then_some(&b"another"[..]), "{settings:?}: the last one counts");
        cache.put(&[4; 32], &vec![0; VALUE_BYTES_MAX + 1]);
        assert_eq!(cache.get(&[4; 32]).await, None, "{settings:?}: too large");
        let stats = cache.stats();
        assert_eq!(stats.hits > 0, keeps, "{settings:?}");
        assert_eq!((stats.resets, stats.trouble), (0, None), "{settings:?}");
    }
}

#[tokio::test]
async fn no_cache_grows_beyond_its_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    for settings in all_kinds(folder.path()) {
        let cache = open(&settings, StoreTag::from_random(1));
        for number in 0..200_u8 {
            cache.put(&[number; 32], &vec![number; 60_000]);
            if let Some(value) = cache.get(&[number; 32]).await {
                assert_eq!(value, vec![number; 60_000], "{settings:?}");
            }
            assert!(cache.stats().bytes <= SLED_BYTES_MIN, "{settings:?}");
        }
        assert_eq!(cache.stats().evictions > 0, settings != CacheSettings::Off, "{settings:?}");
    }
}

/// A value that is kept may come late once; a cache that keeps nothing is asked once.
async fn found_in_time(cache: &dyn Cache, key: &CacheKey, keeps: bool) -> Option<Vec<u8>> {
    for _ in 0..100 {
        let found = cache.get(key).await;
        if found.is_some() || !keeps {
            return found;
        }
    }
    None
}
