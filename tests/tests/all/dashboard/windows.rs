//! Windows of every size, and many sizes in a moment.

use super::waiting;
use crate::place::Place;
use guildhall_tests::terminal::Terminal;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

async fn with_a_job() -> Place {
    let place = Place::open().await;
    place.post(waiting()).await.expect("it is posted");
    place
}

#[tokio::test]
async fn a_storm_of_sizes_ends_in_a_picture() {
    let place = with_a_job().await;
    let seed = std::env::var("GUILDHALL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut terminal = place.live_dashboard().await;
    terminal.presses("2");
    terminal.until_sees("Wait for somebody.").await;
    for _ in 0..200 {
        terminal.resizes(dice.random_range(1..=240), dice.random_range(1..=80));
    }
    terminal.resizes(100, 30);
    terminal.until_sees("Wait for somebody.").await;
    // Every line is where it is in a window that always had this size.
    let mut other = Terminal::open(place.program(&[]), 100, 30);
    other.until_sees("live").await;
    other.presses("2");
    other.until_sees("Wait for somebody.").await;
    let lines = |screen: &str| screen.lines().filter(|line| !line.contains("Wait for")).count();
    let expected = lines(&other.screen());
    terminal.until("the picture is whole", |screen| lines(screen) == expected).await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0, "GUILDHALL_SEED={seed}");
    terminal.until_given_back().await;
}

#[tokio::test]
async fn the_smallest_window_shows_what_matters() {
    let place = with_a_job().await;
    let mut terminal = Terminal::open(place.program(&[]), 40, 8);
    terminal.until_sees("live").await;
    terminal.presses("2");
    terminal.until_sees("Wait for so").await;
    terminal.presses("x");
    terminal.until_sees("No, leave it").await;
    terminal.until_sees("Yes, do it").await;
    terminal.presses("esc");
    terminal.until_misses("No, leave it").await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
}

#[tokio::test]
async fn a_paste_of_a_hundred_thousand_bytes_is_cut_and_presses_no_keys() {
    let place = with_a_job().await;
    let mut terminal = place.live_dashboard().await;
    terminal.presses("2");
    terminal.until_sees("Wait for somebody.").await;
    // Over a list it does nothing: `q` in it is no key.
    terminal.pastes(&"xyq\n".repeat(25_000));
    terminal.presses("/");
    terminal.until_sees("Filter the jobs").await;
    terminal.pastes(&"\"wait\x1b[2J ".repeat(10_000));
    terminal.until_sees("wait[2J").await;
    terminal.presses("esc");
    terminal.until_misses("Filter the jobs").await;
    terminal.until_sees("Wait for somebody.").await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    terminal.until_given_back().await;
}
