CREATE TABLE apps (
    id TEXT PRIMARY KEY,
    suspended INTEGER NOT NULL,
    plan_name TEXT NOT NULL,
    max_connections INTEGER,
    max_messages_per_period INTEGER,
    overages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- patterns, actions and allowed_origins are JSON lists of text.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    app TEXT NOT NULL REFERENCES apps (id),
    sealed_secret BLOB,
    patterns TEXT NOT NULL,
    actions TEXT NOT NULL,
    allowed_origins TEXT NOT NULL,
    allow_missing_origin INTEGER NOT NULL,
    inject_turn INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX live_keys_of_app ON keys (app) WHERE revoked_at IS NULL;

CREATE TABLE usage (
    app TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    overage_messages INTEGER NOT NULL,
    overage_connections INTEGER NOT NULL,
    peak_concurrent INTEGER NOT NULL,
    PRIMARY KEY (app, period_start)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    app TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A known text, sealed: opens with the right master key only.
CREATE TABLE seal_check (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;

-- Grows with every change of an app or a key, also of one made by hand.
CREATE TABLE revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL
) STRICT;
INSERT INTO revision VALUES (1, 0);

CREATE TRIGGER app_inserted AFTER INSERT ON apps BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER app_updated AFTER UPDATE ON apps BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER app_deleted AFTER DELETE ON apps BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER key_inserted AFTER INSERT ON keys BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER key_updated AFTER UPDATE ON keys BEGIN UPDATE revision SET number = number + 1; END;
CREATE TRIGGER key_deleted AFTER DELETE ON keys BEGIN UPDATE revision SET number = number + 1; END;
