-- How often a message was handed out since it last showed something new, and who takes nothing on a channel.

ALTER TABLE surfaces ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;

CREATE TABLE closed_channels (
    user_id INTEGER NOT NULL REFERENCES users (id),
    channel TEXT NOT NULL CHECK (channel = 'discord'),
    -- When that was last seen.
    closed_at INTEGER NOT NULL,
    -- Whether they know it.
    told INTEGER NOT NULL CHECK (told IN (0, 1)),
    PRIMARY KEY (user_id, channel)
) STRICT, WITHOUT ROWID;
