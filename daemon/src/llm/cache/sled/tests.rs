//! What happens to a folder changes nothing but speed.

use super::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const KEYS: u8 = 100;

fn open(folder: &Path) -> Sled {
    Sled::open_with(folder.to_owned(), SLED_BYTES_MIN, StoreTag::from_random(1), Duration::ZERO)
}

fn value(number: u8) -> Vec<u8> {
    vec![number; 50 + 40 * usize::from(number)]
}

fn fill(cache: &Sled) {
    for number in 0..KEYS {
        cache.put(&[number; 32], &value(number));
    }
}

/// How many values are found; a wrong one is the end.
async fn right_values(cache: &Sled) -> usize {
    let mut found = 0;
    for number in 0..KEYS {
        if let Some(kept) = cache.get(&[number; 32]).await {
            assert_eq!(kept, value(number), "a wrong value under key {number}");
            found += 1;
        }
    }
    found
}

/// Everything is found without being put again. Some of it may come too late at first, while the folder is opened.
async fn all_there(cache: &Sled) {
    let mut found = 0;
    for _ in 0..50 {
        found = right_values(cache).await.max(found);
    }
    assert_eq!(found, usize::from(KEYS));
}

/// Asks until everything is found again.
async fn works_again(cache: &Sled) {
    for _ in 0..50 {
        fill(cache);
        if right_values(cache).await == usize::from(KEYS) {
            return;
        }
    }
    panic!("it does not work again: {:?}", cache.stats());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(self::files(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}

/// Flips, zeroes or cuts something in every file.
fn corrupt(folder: &Path, random: &mut ChaCha8Rng) {
    for path in files(folder) {
        let Ok(mut bytes) = fs::read(&path) else { continue };
        if bytes.is_empty() {
            continue;
        }
        // Most of a file is empty: what is written lies in its first part.
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        let place = random.random_range(0..written);
        let end = (place + random.random_range(1..64)).min(bytes.len());
        match random.random_range(0..3) {
            0 => bytes[place] ^= 1 << random.random_range(0..8),
            1 => random.fill_bytes(&mut bytes[place..end]),
            _ => bytes.truncate(place),
        }
        fs::write(&path, &bytes).expect("a file of the test");
    }
}

#[expect(clippy::print_stderr, reason = "a failing random test must say its seed")]
fn seeded(seed: u64) -> ChaCha8Rng {
    eprintln!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_restart() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("cache");
    let cache = open(&folder);
    works_again(&cache).await;
    drop(cache);
    let cache = open(&folder);
    all_there(&cache).await;
    assert_eq!(fs::metadata(&folder).expect("the folder").permissions().mode() & 0o777, 0o700);
    let other = Sled::open(folder.clone(), 0, StoreTag::from_random(2));
    assert_eq!(right_values(&other).await, 0, "another store's");
}

#[tokio::test]
async fn broken_files_never_make_a_wrong_value() {
    let mut random = seeded(0x51ed);
    let mut resets = 0;
    for round in 0..60 {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("cache");
        let cache = open(&folder);
        works_again(&cache).await;
        if round % 2 == 0 {
            corrupt(&folder, &mut random);
            right_values(&cache).await;
            fill(&cache);
        }
        drop(cache);
        corrupt(&folder, &mut random);
        let cache = open(&folder);
        right_values(&cache).await;
        works_again(&cache).await;
        resets += cache.stats().resets;
    }
    assert!(
        resets >= 20,
        "only {resets} times was it so broken that sled noticed: the test breaks too little"
    );
}

#[tokio::test]
async fn a_folder_that_is_deleted_is_made_again() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("cache");
    let cache = open(&folder);
    works_again(&cache).await;
    fs::remove_dir_all(&folder).expect("a folder of the test");
    right_values(&cache).await;
    works_again(&cache).await;
    assert!(folder.join("db").exists());
    assert_eq!(cache.stats().resets, 1);
}

#[tokio::test]
async fn a_folder_that_another_uses_is_left_alone() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("cache");
    let owner = open(&folder);
    works_again(&owner).await;
    let second = Sled::open(folder.clone(), 0, StoreTag::from_random(1));
    while second.stats().trouble.is_none() {
        tokio::task::yield_now().await;
    }
    fill(&second);
    assert_eq!(right_values(&second).await, 0);
    assert_eq!(
        (second.stats().resets, second.stats().trouble.as_deref()),
        (0, Some("another process uses it"))
    );
    all_there(&owner).await; // its owner notices nothing
}

#[tokio::test]
async fn a_locked_folder_is_used_when_it_is_free() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("cache");
    let owner = open(&folder);
    works_again(&owner).await;
    let second = open(&folder);
    while second.stats().trouble.is_none() {
        tokio::task::yield_now().await;
    }
    drop(owner);
    works_again(&second).await;
    assert_eq!((second.stats().resets, second.stats().trouble), (0, None));
}

#[tokio::test]
async fn a_place_where_no_folder_can_be_made_is_no_matter() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("file");
    fs::write(&file, "in the way").expect("a file of the test");
    let cache = open(&file.join("cache"));
    fill(&cache);
    assert_eq!(right_values(&cache).await, 0);
    assert!(cache.stats().trouble.is_some());
}

#[tokio::test]
async fn a_folder_with_other_files_is_not_touched() {
    let home = tempfile::tempdir().expect("a folder");
    let store = home.path().join("guildhall.sqlite");
    fs::write(&store, "all jobs").expect("a file of the test");
    let before = fs::metadata(home.path()).expect("the folder").permissions();
    let cache = open(home.path());
    fill(&cache);
    assert_eq!(right_values(&cache).await, 0);
    assert!(cache.stats().trouble.expect("it is said").contains("no cache's"));
    drop(cache);
    assert_eq!(files(home.path()), [store]);
    assert_eq!(fs::metadata(home.path()).expect("the folder").permissions(), before);
}
