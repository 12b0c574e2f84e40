-- What a dashboard asks: how many jobs are in which state, and jobs in any order from any row on.

-- Kept by the triggers, so that no writer forgets it and nobody counts a million rows.
CREATE TABLE job_counts (
    state TEXT PRIMARY KEY,
    jobs INTEGER NOT NULL CHECK (jobs >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO job_counts (state, jobs)
VALUES ('open', 0), ('assigned', 0), ('working', 0), ('input_required', 0), ('evaluating', 0), ('in_review', 0),
    ('held', 0), ('completed', 0), ('failed', 0), ('canceled', 0), ('expired', 0);
UPDATE job_counts SET jobs = (SELECT count(*) FROM jobs WHERE jobs.state = job_counts.state);

CREATE TRIGGER jobs_count_new AFTER INSERT ON jobs
BEGIN
    UPDATE job_counts SET jobs = jobs + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER jobs_count_moved AFTER UPDATE OF state ON jobs WHEN NEW.state <> OLD.state
BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE state = OLD.state;
    UPDATE job_counts SET jobs = jobs + 1 WHERE state = NEW.state;
END;

-- SQLite adds the number of the job to each. By state first: a list of some states is asked for more often than one of
-- all, which merges the states.
CREATE INDEX jobs_changed ON jobs (state, changed_at);
CREATE INDEX jobs_posted ON jobs (posted_at);
CREATE INDEX jobs_deadline ON jobs (deadline);
CREATE INDEX jobs_class ON jobs (class);

-- What was given up. A notice that is told leaves the first condition before it meets the second.
CREATE INDEX notifications_undeliverable ON notifications (id) WHERE due_at IS NULL AND acknowledged_at IS NULL;
