-- Who signs in. Every table carries organization_id first in its key, so that it can be sharded by organization.

CREATE TABLE organizations (
    id                     UUID NOT NULL PRIMARY KEY,
    name                   TEXT NOT NULL UNIQUE,
    client_word            TEXT NOT NULL,
    time_zone              TEXT NOT NULL,
    suppression_threshold  INT4 NOT NULL CHECK (suppression_threshold BETWEEN 0 AND 100),
    second_person_closes   BOOL NOT NULL,
    status                 TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    version                INT4 NOT NULL,
    created_at             TIMESTAMPTZ NOT NULL,
    updated_at             TIMESTAMPTZ NOT NULL
);

CREATE TABLE users (
    organization_id  UUID NOT NULL REFERENCES organizations (id),
    id               UUID NOT NULL,
    email            TEXT NOT NULL,
    display_name     TEXT NOT NULL,
    role             TEXT NOT NULL CHECK (role IN ('admin', 'supervisor', 'advocate', 'client', 'integration', 'auditor')),
    status           TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'removed')),
    password_hash    TEXT,
    version          INT4 NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id)
);
-- GET /users
CREATE INDEX users_by_created ON users (organization_id, created_at DESC, id DESC);

-- The one table across organizations: signing in knows a name and nothing else.
CREATE TABLE login_names (
    email            TEXT NOT NULL PRIMARY KEY,
    organization_id  UUID NOT NULL,
    user_id          UUID NOT NULL,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);

CREATE TABLE teams (
    organization_id  UUID NOT NULL REFERENCES organizations (id),
    id               UUID NOT NULL,
    name             TEXT NOT NULL,
    version          INT4 NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id),
    UNIQUE (organization_id, name)
);
-- GET /teams
CREATE INDEX teams_by_created ON teams (organization_id, created_at DESC, id DESC);

CREATE TABLE team_members (
    organization_id  UUID NOT NULL,
    team_id          UUID NOT NULL,
    user_id          UUID NOT NULL,
    added_at         TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, team_id, user_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);
-- The teams of one person: part of every question about who sees what.
CREATE INDEX team_members_by_user ON team_members (organization_id, user_id, team_id);

CREATE TABLE sessions (
    organization_id  UUID NOT NULL,
    id               UUID NOT NULL,
    user_id          UUID NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    expires_at       TIMESTAMPTZ NOT NULL,
    ended_at         TIMESTAMPTZ,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);
-- Ending every session of one person.
CREATE INDEX sessions_by_user ON sessions (organization_id, user_id);

CREATE TABLE refresh_tokens (
    organization_id  UUID NOT NULL,
    hash             BYTEA NOT NULL,
    session_id       UUID NOT NULL,
    issued_at        TIMESTAMPTZ NOT NULL,
    expires_at       TIMESTAMPTZ NOT NULL,
    spent_at         TIMESTAMPTZ,
    PRIMARY KEY (organization_id, hash),
    FOREIGN KEY (organization_id, session_id) REFERENCES sessions (organization_id, id)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (organization_id, session_id);

-- The first answer to a POST with an Idempotency-Key, for 24 hours.
CREATE TABLE idempotency_keys (
    organization_id  UUID NOT NULL,
    user_id          UUID NOT NULL,
    route            TEXT NOT NULL,
    key              TEXT NOT NULL,
    request_hash     BYTEA NOT NULL,
    location         TEXT,
    etag             TEXT,
    body             TEXT NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, user_id, route, key)
);
CREATE INDEX idempotency_keys_by_created ON idempotency_keys (created_at);
