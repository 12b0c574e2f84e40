-- The whole marketplace. Foreign text stands in rows that can be forgotten; events hold commitments to it.
--
-- Rows that every job writes are checked by OR, not by IN: for a list of three or more SQLite builds a temporary table at
-- every check.

CREATE TABLE system (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    tag TEXT CHECK (length(tag) = 6),
    incarnation INTEGER NOT NULL CHECK (incarnation >= 0),
    clean INTEGER NOT NULL CHECK (clean IN (0, 1)),
    paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
    revision INTEGER NOT NULL CHECK (revision >= 0),
    chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;
INSERT INTO system (id, tag, incarnation, clean, paused, revision, chain) VALUES (1, NULL, 0, 1, 0, 0, zeroblob(32));

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;

CREATE TABLE identities (
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (kind, identity)
) STRICT, WITHOUT ROWID;

-- How a person wants to be told. Foreign text, and a secret that only the daemon's key opens.
CREATE TABLE people (
    user_id INTEGER PRIMARY KEY REFERENCES users (id),
    settings TEXT NOT NULL,
    secret BLOB
) STRICT;

CREATE TABLE bodies (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    nonce BLOB CHECK (length(nonce) = 16),
    bytes BLOB,
    CHECK ((nonce IS NULL) = (bytes IS NULL))
) STRICT;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    client_id INTEGER NOT NULL REFERENCES users (id),
    place_id INTEGER NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'place')),
    class INTEGER NOT NULL CHECK (class BETWEEN 0 AND 2),
    fair_tag INTEGER NOT NULL,
    title TEXT,
    label TEXT,
    derived_from INTEGER REFERENCES jobs (id),
    trial INTEGER NOT NULL CHECK (trial IN (0, 1)),
    draft INTEGER NOT NULL REFERENCES bodies (id),
    state TEXT NOT NULL CHECK (
        state = 'open' OR state = 'assigned' OR state = 'working' OR state = 'input_required' OR state = 'evaluating'
        OR state = 'in_review' OR state = 'held' OR state = 'completed' OR state = 'failed' OR state = 'canceled'
        OR state = 'expired'
    ),
    detail TEXT NOT NULL,
    epoch INTEGER NOT NULL CHECK (epoch >= 1),
    revision INTEGER NOT NULL CHECK (revision >= 0),
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    posted_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    due_at INTEGER,
    ready INTEGER NOT NULL CHECK (ready IN (0, 1)),
    lease_incarnation INTEGER,
    lease_until INTEGER,
    deaths INTEGER NOT NULL CHECK (deaths >= 0),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    checked_by TEXT CHECK (
        checked_by = 'nobody' OR checked_by = 'rules' OR checked_by = 'model' OR checked_by = 'person'
    ),
    waiting INTEGER REFERENCES bodies (id),
    window_begins_at INTEGER,
    window_ends_at INTEGER,
    reminded INTEGER NOT NULL CHECK (reminded >= 0),
    -- What an operator ordered for its picks: {"assign": agent, "exclude": [agents]}.
    steering TEXT,
    -- No job is ever in limbo: until it has ended, time alone does something next.
    CHECK ((due_at IS NULL) = (state = 'completed' OR state = 'failed' OR state = 'canceled' OR state = 'expired')),
    CHECK (ready = 0 OR state = 'open'),
    CHECK ((lease_incarnation IS NULL) = (lease_until IS NULL)),
    CHECK (lease_until IS NULL OR due_at IS NOT NULL),
    CHECK ((detail = '') = (state <> 'input_required' AND state <> 'in_review' AND state <> 'held')),
    CHECK (state <> 'completed' OR checked_by IS NOT NULL),
    CHECK ((window_ends_at IS NOT NULL) = (state IN ('input_required', 'in_review'))),
    CHECK ((window_begins_at IS NULL) = (window_ends_at IS NULL))
) STRICT;
CREATE INDEX jobs_ready ON jobs (class DESC, fair_tag, id) WHERE ready = 1;
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (lease_incarnation, id) WHERE lease_incarnation IS NOT NULL;
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_client ON jobs (client_id, id);
CREATE INDEX jobs_label ON jobs (label, id) WHERE label IS NOT NULL;

-- The fair queue: its clock per class, and the last tag of each client.
CREATE TABLE queue_clocks (
    class INTEGER PRIMARY KEY CHECK (class BETWEEN 0 AND 2),
    clock INTEGER NOT NULL
) STRICT;
INSERT INTO queue_clocks (class, clock) VALUES (0, 0), (1, 0), (2, 0);

CREATE TABLE queue_clients (
    class INTEGER NOT NULL,
    client_id INTEGER NOT NULL REFERENCES users (id),
    fair_tag INTEGER NOT NULL,
    PRIMARY KEY (class, client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    owner_id INTEGER NOT NULL REFERENCES users (id),
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'paused', 'retired')),
    detail TEXT NOT NULL CHECK ((detail = '') = (state <> 'paused')),
    health TEXT NOT NULL CHECK (health IN ('closed', 'open', 'half_open', 'quarantined')),
    health_until INTEGER CHECK ((health_until IS NULL) = (health <> 'open')),
    audience TEXT NOT NULL CHECK (audience IN ('owner', 'place', 'public')),
    version INTEGER NOT NULL CHECK (version >= 1),
    concurrency INTEGER NOT NULL CHECK (concurrency >= 1),
    delivery_secret BLOB NOT NULL,
    callback_secret BLOB NOT NULL,
    due_at INTEGER,
    tries INTEGER NOT NULL CHECK (tries >= 0),
    misses INTEGER NOT NULL CHECK (misses >= 0),
    openings INTEGER NOT NULL CHECK (openings >= 0),
    opened_at INTEGER,
    registered_at INTEGER NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;

CREATE TABLE agent_versions (
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    version INTEGER NOT NULL CHECK (version >= 1),
    definition INTEGER NOT NULL REFERENCES bodies (id),
    made_at INTEGER NOT NULL,
    PRIMARY KEY (agent_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_grants (
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    host TEXT NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    PRIMARY KEY (agent_id, host, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_tallies (
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    day INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    declined INTEGER NOT NULL,
    unreachable INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    answer_ms INTEGER NOT NULL,
    PRIMARY KEY (agent_id, day)
) STRICT, WITHOUT ROWID;

-- What agents with daily caps got.
CREATE TABLE agent_days (
    day INTEGER NOT NULL,
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    client_id INTEGER NOT NULL REFERENCES users (id),
    jobs INTEGER NOT NULL CHECK (jobs >= 1),
    PRIMARY KEY (day, agent_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (
        state = 'sending' OR state = 'accepted' OR state = 'asked' OR state = 'answered' OR state = 'unclear'
        OR state = 'passed' OR state = 'failed' OR state = 'declined' OR state = 'unreachable' OR state = 'silent'
        OR state = 'ended_unclear' OR state = 'withdrawn'
    ),
    repair INTEGER NOT NULL CHECK (repair IN (0, 1)),
    tries INTEGER NOT NULL CHECK (tries >= 0),
    started_at INTEGER NOT NULL,
    answered_at INTEGER,
    ended_at INTEGER,
    pick INTEGER NOT NULL REFERENCES bodies (id),
    answer INTEGER REFERENCES bodies (id),
    findings INTEGER REFERENCES bodies (id),
    reason INTEGER REFERENCES bodies (id),
    deadline INTEGER NOT NULL,
    left_ms INTEGER CHECK (left_ms >= 0),
    heard_at INTEGER,
    question INTEGER REFERENCES bodies (id),
    reply INTEGER REFERENCES bodies (id),
    replies INTEGER NOT NULL CHECK (replies >= 0),
    PRIMARY KEY (job_id, number),
    CHECK ((left_ms IS NOT NULL) = (state = 'asked')),
    CHECK ((ended_at IS NULL) = (
        state = 'sending' OR state = 'accepted' OR state = 'asked' OR state = 'answered' OR state = 'unclear'
    ))
) STRICT, WITHOUT ROWID;
-- What an agent's capacity counts.
CREATE INDEX attempts_slots ON attempts (agent_id)
    WHERE state = 'sending' OR state = 'accepted' OR state = 'asked' OR state = 'unclear';
CREATE INDEX attempts_agent ON attempts (agent_id, job_id);

-- Parked jobs, by the agents that could take them later.
CREATE TABLE waits (
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    class INTEGER NOT NULL,
    fair_tag INTEGER NOT NULL,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    PRIMARY KEY (agent_id, class DESC, fair_tag, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX waits_job ON waits (job_id);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    seq INTEGER NOT NULL CHECK (seq >= 1),
    bytes BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE UNIQUE INDEX events_subject ON events (subject, subject_id, seq);

-- What agents sent by themselves, so that the same again changes nothing.
CREATE TABLE callbacks (
    job_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    id TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    at INTEGER NOT NULL,
    PRIMARY KEY (job_id, attempt, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX callbacks_at ON callbacks (at);

-- Complaints of clients and contests of owners, about jobs that have ended.
CREATE TABLE appeals (
    job_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('complaint', 'contest')),
    user_id INTEGER NOT NULL REFERENCES users (id),
    text INTEGER NOT NULL REFERENCES bodies (id),
    made_at INTEGER NOT NULL,
    upheld INTEGER CHECK (upheld IN (0, 1)),
    PRIMARY KEY (job_id, attempt, kind),
    FOREIGN KEY (job_id, attempt) REFERENCES attempts (job_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX appeals_open ON appeals (made_at, job_id, attempt, kind) WHERE upheld IS NULL;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    kind TEXT NOT NULL,
    job_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    due_at INTEGER,
    tries INTEGER NOT NULL CHECK (tries >= 0)
) STRICT;
CREATE INDEX messages_due ON messages (due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    channel TEXT NOT NULL CHECK (channel = 'log' OR channel = 'webhook' OR channel = 'discord'),
    kind TEXT NOT NULL,
    job_id INTEGER,
    attempt INTEGER,
    agent_id INTEGER,
    made_at INTEGER NOT NULL,
    due_at INTEGER,
    tries INTEGER NOT NULL CHECK (tries >= 0),
    lease INTEGER,
    lease_until INTEGER,
    acknowledged_at INTEGER,
    CHECK ((lease IS NULL) = (lease_until IS NULL))
) STRICT;
CREATE INDEX notifications_due ON notifications (channel, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX notifications_open ON notifications (user_id, channel, job_id, id) WHERE due_at IS NOT NULL;
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_job ON notifications (job_id, kind, id) WHERE job_id IS NOT NULL;

CREATE TABLE notice_log (
    id INTEGER NOT NULL,
    place INTEGER NOT NULL,
    at INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL CHECK (acknowledged IN (0, 1)),
    detail TEXT NOT NULL,
    PRIMARY KEY (id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    at INTEGER NOT NULL,
    job_id INTEGER,
    attempt INTEGER,
    message TEXT NOT NULL,
    log BLOB NOT NULL
) STRICT;
CREATE INDEX deliveries_agent ON deliveries (agent_id, id);

CREATE TABLE requests (
    user_id INTEGER NOT NULL REFERENCES users (id),
    id TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    receipt TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_at ON requests (at);
