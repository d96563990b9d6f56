-- The ways in (AU-10 to AU-13): invitations, forgotten passwords, new addresses, and a second factor.

-- The roles that must have a second factor.
ALTER TABLE organizations ADD COLUMN second_factor_roles TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(second_factor_roles));

-- When the person last said their password; a session from before this column has to ask for it.
ALTER TABLE sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;
-- Whether nothing may be done in it until a second factor has been set up.
ALTER TABLE sessions ADD COLUMN awaits_factor INTEGER NOT NULL DEFAULT 0 CHECK (awaits_factor IN (0, 1));

CREATE TABLE invitations (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    id               BLOB NOT NULL,
    email            TEXT NOT NULL,
    display_name     TEXT NOT NULL,
    role             TEXT NOT NULL CHECK (role IN ('admin', 'supervisor', 'advocate', 'client', 'integration', 'auditor')),
    team_ids         TEXT NOT NULL CHECK (json_valid(team_ids)),
    status           TEXT NOT NULL CHECK (status IN ('open', 'accepted', 'withdrawn')),
    expires_at       INTEGER NOT NULL,
    invited_by       BLOB NOT NULL,
    user_id          BLOB,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, invited_by) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /invitations
CREATE INDEX invitations_by_created ON invitations (organization_id, created_at DESC, id DESC);
-- One open invitation for an address.
CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, email) WHERE status = 'open';

-- Secrets that are sent by mail and used once, as their hashes.
CREATE TABLE mailed_secrets (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    hash             BLOB NOT NULL,
    purpose          TEXT NOT NULL CHECK (purpose IN ('invitation', 'password_reset', 'email_change')),
    -- The invitation, or the user.
    subject_id       BLOB NOT NULL,
    -- Where it was sent.
    email            TEXT NOT NULL,
    expires_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, hash)
) STRICT, WITHOUT ROWID;
-- A newer one, a new password or a new address makes those from before worthless.
CREATE INDEX mailed_secrets_by_subject ON mailed_secrets (organization_id, subject_id);

CREATE TABLE second_factors (
    organization_id  BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    secret           BLOB NOT NULL,
    -- Until then it has been shown, and is asked for nowhere.
    confirmed_at     INTEGER,
    -- The time step of the last code that was taken: none is taken twice.
    last_step        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    organization_id  BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    hash             BLOB NOT NULL,
    spent_at         INTEGER,
    PRIMARY KEY (organization_id, user_id, hash),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
