-- UUID is BLOB(16), TIMESTAMPTZ INTEGER microseconds since 1970, JSONB TEXT, DATE TEXT, BOOL INTEGER 0/1. Keyed by
-- (organization_id, uuid v7) and WITHOUT ROWID, a table is clustered by organization in the order of creation.
-- Who signs in. Every table carries organization_id first in its key, so that it can be sharded by organization.

CREATE TABLE organizations (
    id                     BLOB NOT NULL PRIMARY KEY,
    name                   TEXT NOT NULL UNIQUE,
    client_word            TEXT NOT NULL,
    time_zone              TEXT NOT NULL,
    suppression_threshold  INTEGER NOT NULL CHECK (suppression_threshold BETWEEN 0 AND 100),
    second_person_closes   INTEGER NOT NULL CHECK (second_person_closes IN (0, 1)),
    status                 TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    version                INTEGER NOT NULL,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    id               BLOB NOT NULL,
    email            TEXT NOT NULL,
    display_name     TEXT NOT NULL,
    role             TEXT NOT NULL CHECK (role IN ('admin', 'supervisor', 'advocate', 'client', 'integration', 'auditor')),
    status           TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'removed')),
    password_hash    TEXT,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /users
CREATE INDEX users_by_created ON users (organization_id, created_at DESC, id DESC);

-- The one table across organizations: signing in knows a name and nothing else.
CREATE TABLE login_names (
    email            TEXT NOT NULL PRIMARY KEY,
    organization_id  BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE teams (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    id               BLOB NOT NULL,
    name             TEXT NOT NULL,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, name)
) STRICT, WITHOUT ROWID;
-- GET /teams
CREATE INDEX teams_by_created ON teams (organization_id, created_at DESC, id DESC);

CREATE TABLE team_members (
    organization_id  BLOB NOT NULL,
    team_id          BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    added_at         INTEGER NOT NULL,
    PRIMARY KEY (organization_id, team_id, user_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- The teams of one person: part of every question about who sees what.
CREATE INDEX team_members_by_user ON team_members (organization_id, user_id, team_id);

CREATE TABLE sessions (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    ended_at         INTEGER,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- Ending every session of one person.
CREATE INDEX sessions_by_user ON sessions (organization_id, user_id);

CREATE TABLE refresh_tokens (
    organization_id  BLOB NOT NULL,
    hash             BLOB NOT NULL,
    session_id       BLOB NOT NULL,
    issued_at        INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    spent_at         INTEGER,
    PRIMARY KEY (organization_id, hash),
    FOREIGN KEY (organization_id, session_id) REFERENCES sessions (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (organization_id, session_id);

-- The first answer to a POST with an Idempotency-Key, for 24 hours.
CREATE TABLE idempotency_keys (
    organization_id  BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    route            TEXT NOT NULL,
    key              TEXT NOT NULL,
    request_hash     BLOB NOT NULL,
    location         TEXT,
    etag             TEXT,
    body             TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, user_id, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_created ON idempotency_keys (created_at);
