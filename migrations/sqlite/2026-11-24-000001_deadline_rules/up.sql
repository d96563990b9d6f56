-- An organization's own deadline rules, and its newer versions of those that come with the product: append-only, one row a version.
-- The whole catalogue is read at once, or one rule of it, so the key is the index: GET /deadline-rules, GET /deadline-rules/{id}.

CREATE TABLE deadline_rules (
    organization_id           BLOB NOT NULL REFERENCES organizations (id),
    id                        BLOB NOT NULL,
    version                   INTEGER NOT NULL,
    name                      TEXT NOT NULL,
    jurisdiction              TEXT NOT NULL,
    scheme                    TEXT NOT NULL,
    action_type               TEXT NOT NULL,
    trigger                   TEXT NOT NULL CHECK (trigger IN ('notice_date', 'notice_received', 'act_occurred', 'act_known', 'request_received')),
    amount                    INTEGER NOT NULL,
    max_amount                INTEGER,
    unit                      TEXT NOT NULL CHECK (unit IN ('calendar_day', 'business_day', 'month')),
    bound                     TEXT NOT NULL CHECK (bound IN ('exact', 'floor', 'ceiling')),
    receipt_presumption_days  INTEGER NOT NULL,
    weekend_rule              TEXT NOT NULL CHECK (weekend_rule IN ('none', 'next_business_day', 'previous_business_day')),
    holiday_calendar          TEXT NOT NULL CHECK (holiday_calendar IN ('us_federal', 'england_and_wales', 'none')),
    party                     TEXT NOT NULL CHECK (party IN ('us', 'other_side')),
    statutory                 INTEGER NOT NULL CHECK (statutory IN (0, 1)),
    expedited                 INTEGER NOT NULL CHECK (expedited IN (0, 1)),
    citation                  TEXT,
    url                       TEXT,
    last_verified_on          TEXT NOT NULL,
    note                      TEXT,
    effective_from            TEXT NOT NULL,
    effective_to              TEXT,
    created_by                BLOB NOT NULL,
    created_at                INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id, version),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
