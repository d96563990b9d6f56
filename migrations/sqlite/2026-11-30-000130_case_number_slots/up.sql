-- The next case numbers of a year are in 64 rows, its slots. The numbers of a slot are 64 apart. On PostgreSQL a transaction takes the lowest
-- number whose row is not locked, so that transactions that open cases at the same time do not wait for each other.
CREATE TABLE new_case_counters (
    organization_id  BLOB NOT NULL REFERENCES organizations (id),
    year             INTEGER NOT NULL,
    next             INTEGER NOT NULL,
    slot             INTEGER NOT NULL,
    PRIMARY KEY (organization_id, year, slot)
) STRICT, WITHOUT ROWID;
WITH RECURSIVE slots (slot) AS (VALUES (0) UNION ALL SELECT slot + 1 FROM slots WHERE slot < 63)
INSERT INTO new_case_counters (organization_id, year, next, slot)
SELECT organization_id, year, last + 1 + slot, slot FROM case_counters CROSS JOIN slots;
DROP TABLE case_counters;
ALTER TABLE new_case_counters RENAME TO case_counters;
