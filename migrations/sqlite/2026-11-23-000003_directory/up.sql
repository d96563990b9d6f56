-- Who offers what, shaped after Open Referral HSDS 3, and the preparation templates.

CREATE TABLE providers (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    id               BLOB NOT NULL,
    name             TEXT NOT NULL,
    alternate_name   TEXT,
    description      TEXT,
    url              TEXT,
    email            TEXT,
    phone            TEXT,
    address          TEXT,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /providers
CREATE INDEX providers_by_created ON providers (organization_id, created_at DESC, id DESC);

CREATE TABLE services (
    organization_id          BLOB NOT NULL,
    id                       BLOB NOT NULL,
    provider_id              BLOB NOT NULL,
    name                     TEXT NOT NULL,
    status                   TEXT NOT NULL,
    description              TEXT,
    url                      TEXT,
    service_type             TEXT CHECK (json_valid(service_type)),
    eligibility_description  TEXT,
    application_process      TEXT,
    fees_description         TEXT,
    wait_time                TEXT,
    accessibility            TEXT,
    version                  INTEGER NOT NULL,
    created_at               INTEGER NOT NULL,
    updated_at               INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, provider_id) REFERENCES providers (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /services
CREATE INDEX services_by_created ON services (organization_id, created_at DESC, id DESC);
-- GET /services?provider=
CREATE INDEX services_by_provider ON services (organization_id, provider_id, created_at DESC, id DESC);

-- An organization's own checklist for a type of meeting, in place of the one that comes with the product.
CREATE TABLE preparation_templates (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    meeting_type     TEXT NOT NULL,
    items            TEXT NOT NULL CHECK (json_valid(items)),
    version          INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, meeting_type)
) STRICT, WITHOUT ROWID;
