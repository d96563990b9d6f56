-- An organization's own deadline rules, and its newer versions of those that come with the product: append-only, one row a version.
-- The whole catalogue is read at once, or one rule of it, so the key is the index: GET /deadline-rules, GET /deadline-rules/{id}.

CREATE TABLE deadline_rules (
    organization_id           UUID NOT NULL REFERENCES organizations (id),
    id                        UUID NOT NULL,
    version                   INT4 NOT NULL,
    name                      TEXT NOT NULL,
    jurisdiction              TEXT NOT NULL,
    scheme                    TEXT NOT NULL,
    action_type               TEXT NOT NULL,
    trigger                   TEXT NOT NULL CHECK (trigger IN ('notice_date', 'notice_received', 'act_occurred', 'act_known', 'request_received')),
    amount                    INT4 NOT NULL,
    max_amount                INT4,
    unit                      TEXT NOT NULL CHECK (unit IN ('calendar_day', 'business_day', 'month')),
    bound                     TEXT NOT NULL CHECK (bound IN ('exact', 'floor', 'ceiling')),
    receipt_presumption_days  INT4 NOT NULL,
    weekend_rule              TEXT NOT NULL CHECK (weekend_rule IN ('none', 'next_business_day', 'previous_business_day')),
    holiday_calendar          TEXT NOT NULL CHECK (holiday_calendar IN ('us_federal', 'england_and_wales', 'none')),
    party                     TEXT NOT NULL CHECK (party IN ('us', 'other_side')),
    statutory                 BOOL NOT NULL,
    expedited                 BOOL NOT NULL,
    citation                  TEXT,
    url                       TEXT,
    last_verified_on          DATE NOT NULL,
    note                      TEXT,
    effective_from            DATE NOT NULL,
    effective_to              DATE,
    created_by                UUID NOT NULL,
    created_at                TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, id, version),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
);
