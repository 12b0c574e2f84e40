-- What a dashboard asks: how many jobs are in which state, and jobs in any order from any row on.

-- Jobs that ended stay so, and are most of all jobs: whoever ends one counts it, and nobody counts a million rows. The
-- others are few, and are counted when they are asked for. Triggers that keep all counts took more than twice the time of
-- everything else that is written to a job.
CREATE TABLE job_counts (
    state TEXT PRIMARY KEY CHECK (state IN ('completed', 'failed', 'canceled', 'expired')),
    jobs INTEGER NOT NULL CHECK (jobs >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO job_counts (state, jobs) VALUES ('completed', 0), ('failed', 0), ('canceled', 0), ('expired', 0);
UPDATE job_counts SET jobs = (SELECT count(*) FROM jobs WHERE jobs.state = job_counts.state);

-- SQLite adds the number of the job to each. By state first: a list of some states is asked for more often than one of
-- all, which merges the states.
CREATE INDEX jobs_changed ON jobs (state, changed_at);
CREATE INDEX jobs_posted ON jobs (posted_at);
CREATE INDEX jobs_deadline ON jobs (deadline);
CREATE INDEX jobs_class ON jobs (class);

-- What was given up. A notice that is told leaves the first condition before it meets the second.
CREATE INDEX notifications_undeliverable ON notifications (id) WHERE due_at IS NULL AND acknowledged_at IS NULL;
