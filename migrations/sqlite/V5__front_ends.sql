-- What front ends keep here: messages elsewhere that show a job, and posts that somebody is still writing.

CREATE TABLE surfaces (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    channel TEXT NOT NULL CHECK (channel = 'discord'),
    address TEXT NOT NULL,
    -- The job's revision that it shows.
    shown INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    lease INTEGER,
    UNIQUE (channel, job_id, address)
) STRICT;
CREATE INDEX surfaces_job ON surfaces (job_id);

CREATE TABLE drafts (
    user_id INTEGER NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX drafts_kept ON drafts (kept_at);
