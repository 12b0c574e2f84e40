//! Whether a history is what was written: whoever reads it is told, and where it is not.

use crate::place::Place;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::Chained;
use rusqlite::Connection;

/// The bytes of an event of a job, to be kept or put back.
struct File<'a>(&'a Place);

impl File<'_> {
    fn open(&self) -> Connection {
        Connection::open(self.0.folder.path().join("guildhall.db")).expect("the store")
    }

    fn event(&self, job: JobId, seq: u64) -> Vec<u8> {
        let sql = "SELECT bytes FROM events WHERE subject = 'job' AND subject_id = ?1 AND seq = ?2";
        self.open().query_row(sql, (job.0, seq), |row| row.get(0)).expect("an event")
    }

    fn write(&self, job: JobId, seq: u64, bytes: &[u8]) {
        let sql = "UPDATE events SET bytes = ?3 WHERE subject = 'job' AND subject_id = ?1 AND seq = ?2";
        assert_eq!(self.open().execute(sql, (job.0, seq, bytes)), Ok(1));
    }
}

async fn canceled(place: &Place, brief: &str) -> JobId {
    let draft = JobDraft { brief: brief.to_owned(), ..JobDraft::default() };
    let job = place.post(draft).await.expect("it is posted");
    place.order(job, JobAction::Cancel, None).await.expect("it is canceled");
    place.until(job, |state| *state == JobState::Canceled).await;
    job
}

#[tokio::test]
async fn an_event_that_was_changed_in_the_file_is_found_where_it_is() {
    let mut place = Place::open().await;
    let (one, other) = (canceled(&place, "Count.").await, canceled(&place, "Sort.").await);
    let story = place.until_story(one, |_| true).await;
    let whole = Chained::Whole { after: 0, up_to: story.head.revision };
    assert_eq!((story.chained, story.events.len() as u64), (whole, story.head.revision));

    place.stop().await;
    let written = File(&place).event(one, 1);
    let text = String::from_utf8(written.clone()).expect("JSON");
    let changed = text.replace("\"client\":", "\"client\": ");
    assert_ne!(text, changed, "a space is enough");
    File(&place).write(one, 1, changed.as_bytes());
    place.start().await;
    assert_eq!(place.until_story(one, |_| true).await.chained, Chained::Broken { at: 1 });
    let (_, told, _) = place.guildhall(&["job", "show", &one.0.to_string()]).await;
    assert!(told.contains("hash chain BROKEN at event 1"), "{told}");
    let (_, told, _) = place.guildhall(&["job", "show", &other.0.to_string()]).await;
    assert!(told.contains("hash chain checked: whole up to event"), "{told}");

    place.stop().await;
    File(&place).write(one, 1, &written);
    place.start().await;
    assert_eq!(place.until_story(one, |_| true).await.chained, whole);
}
