-- What models are asked, what it costs, and what their judgement is worth.

-- What the marketplace asks a client before it can choose an agent, and the answer. Bodies as those of attempts.
ALTER TABLE jobs ADD COLUMN question INTEGER REFERENCES bodies (id);
ALTER TABLE jobs ADD COLUMN reply INTEGER REFERENCES bodies (id);

-- The input that a model built for the attempt's agent.
ALTER TABLE attempts ADD COLUMN input INTEGER REFERENCES bodies (id);

-- What an operator said about models: {"on": bool, "budgets": {...}}; as configured until then.
CREATE TABLE model_settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    settings TEXT NOT NULL
) STRICT;

-- Money is in millionths of a dollar.
CREATE TABLE model_calls (
    id INTEGER PRIMARY KEY,
    job_id INTEGER REFERENCES jobs (id),
    at INTEGER NOT NULL,
    role TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    tokens_in INTEGER NOT NULL CHECK (tokens_in >= 0),
    tokens_out INTEGER NOT NULL CHECK (tokens_out >= 0),
    cost INTEGER NOT NULL CHECK (cost >= 0),
    latency_ms INTEGER NOT NULL CHECK (latency_ms >= 0)
) STRICT;
CREATE INDEX model_calls_job ON model_calls (job_id) WHERE job_id IS NOT NULL;

-- What each payer spent on a UTC day (days since 1970).
CREATE TABLE model_days (
    day INTEGER NOT NULL,
    place_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    PRIMARY KEY (day, place_id, user_id)
) STRICT, WITHOUT ROWID;

-- Everything that was ever asked, summed.
CREATE TABLE model_totals (
    role TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    calls INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL,
    PRIMARY KEY (role, model, outcome)
) STRICT, WITHOUT ROWID;

-- How often something was done without a model, and why.
CREATE TABLE model_without (
    role TEXT NOT NULL,
    why TEXT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (role, why)
) STRICT, WITHOUT ROWID;

-- What a model decided about one criterion of one answer, and whether a person then accepted the answer.
CREATE TABLE judgements (
    job_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    place INTEGER NOT NULL,
    model TEXT NOT NULL,
    criterion TEXT NOT NULL CHECK (criterion = 'brief' OR criterion = 'judge'),
    decision TEXT NOT NULL CHECK (decision = 'pass' OR decision = 'fail' OR decision = 'abstain'),
    accepted INTEGER CHECK (accepted IN (0, 1)),
    PRIMARY KEY (job_id, attempt, place),
    FOREIGN KEY (job_id, attempt) REFERENCES attempts (job_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX judgements_report ON judgements (model, criterion, decision, accepted);
