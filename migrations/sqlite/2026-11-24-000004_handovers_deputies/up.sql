-- Who stands in for an absent supervisor, and cases that pass from one advocate to the next.

-- The days are what was asked for; the instants, in the organization's zone, are what counts. One that is ended early has its
-- ends_at moved, and one that is taken back before its first day never holds.
CREATE TABLE team_deputies (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    team_id          BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    starts_on        TEXT NOT NULL,
    ends_on          TEXT NOT NULL,
    starts_at        INTEGER NOT NULL,
    ends_at          INTEGER NOT NULL,
    reason           TEXT,
    created_by       BLOB NOT NULL,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- GET /teams/{id}/deputies
CREATE INDEX team_deputies_by_team ON team_deputies (organization_id, team_id, starts_at DESC, id DESC);
-- The teams that somebody is deputised to: part of every question about who sees what.
CREATE INDEX team_deputies_by_user ON team_deputies (organization_id, user_id, ends_at, starts_at, team_id);

CREATE TABLE handovers (
    organization_id  BLOB NOT NULL,
    id               BLOB NOT NULL,
    case_id          BLOB NOT NULL,
    from_user_id     BLOB NOT NULL,
    to_user_id       BLOB NOT NULL,
    offered_by       BLOB NOT NULL,
    note             TEXT NOT NULL,
    keep_until       TEXT,
    status           TEXT NOT NULL CHECK (status IN ('offered', 'accepted', 'refused', 'withdrawn')),
    reason           TEXT,
    open_work        TEXT NOT NULL CHECK (json_valid(open_work)),
    offered_at       INTEGER NOT NULL,
    answered_at      INTEGER,
    version          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, case_id) REFERENCES cases (organization_id, id),
    FOREIGN KEY (organization_id, from_user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, to_user_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, offered_by) REFERENCES users (organization_id, id)
) STRICT, WITHOUT ROWID;
-- One open offer a case.
CREATE UNIQUE INDEX handovers_open ON handovers (organization_id, case_id) WHERE status = 'offered';
-- GET /handovers
CREATE INDEX handovers_by_offered ON handovers (organization_id, offered_at DESC, id DESC);
-- GET /cases/{id}/handovers
CREATE INDEX handovers_by_case ON handovers (organization_id, case_id, offered_at DESC, id DESC);
-- GET /handovers?mine=true, and what waits for somebody's answer
CREATE INDEX handovers_by_target ON handovers (organization_id, to_user_id, status, offered_at DESC, id DESC);
