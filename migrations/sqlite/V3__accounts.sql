-- Who may what: accounts, places, tokens, shared jobs.

-- An `Account` as JSON: role, roles in places, suspension, limits, consent.
ALTER TABLE users ADD COLUMN account TEXT NOT NULL DEFAULT '{}';
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE places (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (kind, identity)
) STRICT;
INSERT INTO places (id, kind, identity, name) VALUES (1, 'local', 'local', 'this machine');

-- Nothing here lets anybody in: only the hash of a token is kept.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    last4 TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    used_at INTEGER
) STRICT;
CREATE INDEX tokens_user ON tokens (user_id, id);

CREATE TABLE job_shares (
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (job_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_shares_user ON job_shares (user_id, job_id);

-- What the limits of users count.
ALTER TABLE users ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_unended ON jobs (client_id) WHERE due_at IS NOT NULL;
