-- What is settled for a place, and what its operators must know.

-- `PlaceSettings` as JSON.
ALTER TABLE places ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE places ADD COLUMN revision INTEGER NOT NULL DEFAULT 0 CHECK (revision >= 0);
ALTER TABLE places ADD COLUMN chain BLOB NOT NULL
    DEFAULT X'0000000000000000000000000000000000000000000000000000000000000000' CHECK (length(chain) = 32);

-- What a place's alert channel is still to be told. A row goes when it was told, or never will be.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    place_id INTEGER NOT NULL REFERENCES places (id),
    kind TEXT NOT NULL,
    job_id INTEGER,
    made_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL CHECK (tries >= 0),
    lease INTEGER,
    lease_until INTEGER,
    CHECK ((lease IS NULL) = (lease_until IS NULL))
) STRICT;
CREATE INDEX alerts_due ON alerts (due_at, id);

-- The operators of a place look through its jobs, of some states more often than of all, which merges the states. SQLite adds
-- the number of the job to each. Most jobs are of the machine itself, whose operators see all.
CREATE INDEX jobs_place ON jobs (place_id, state) WHERE place_id <> 1;
