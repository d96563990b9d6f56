CREATE TABLE old_case_counters (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    year             INTEGER NOT NULL,
    last             INTEGER NOT NULL,
    PRIMARY KEY (organization_id, year)
) STRICT, WITHOUT ROWID;
INSERT INTO old_case_counters (organization_id, year, last)
SELECT organization_id, year, max(max(next) - 64, 0) FROM case_counters GROUP BY organization_id, year;
DROP TABLE case_counters;
ALTER TABLE old_case_counters RENAME TO case_counters;
