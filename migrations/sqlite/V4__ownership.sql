-- Whose an agent is beside its owner, for whom it is to work, and the secrets that it still knows after new ones.

CREATE TABLE agent_owners (
    agent_id INTEGER NOT NULL REFERENCES agents (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (agent_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_owners_user ON agent_owners (user_id);

-- To whom it was offered; they have not taken it yet.
ALTER TABLE agents ADD COLUMN offered_to INTEGER REFERENCES users (id);
-- For whom it is to work once an operator approves.
ALTER TABLE agents ADD COLUMN wanted TEXT CHECK (wanted IN ('place', 'public'));

-- The secrets before the current ones, sealed, until when they count. All three or none.
ALTER TABLE agents ADD COLUMN old_delivery_secret BLOB;
ALTER TABLE agents ADD COLUMN old_callback_secret BLOB;
ALTER TABLE agents ADD COLUMN old_secrets_until INTEGER
    CHECK ((old_secrets_until IS NULL) = (old_delivery_secret IS NULL)
        AND (old_secrets_until IS NULL) = (old_callback_secret IS NULL));
