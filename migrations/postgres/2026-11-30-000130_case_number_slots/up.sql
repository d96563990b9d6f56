SET LOCAL lock_timeout TO '10s';
-- The next case numbers of a year are in 64 rows, its slots. The numbers of a slot are 64 apart. A transaction takes the lowest number whose
-- row is not locked, so that transactions that open cases at the same time do not wait for each other.
ALTER TABLE case_counters NO FORCE ROW LEVEL SECURITY;
ALTER TABLE case_counters DROP CONSTRAINT case_counters_pkey;
ALTER TABLE case_counters RENAME COLUMN last TO next;
ALTER TABLE case_counters ADD COLUMN slot INT4 NOT NULL DEFAULT 0;
ALTER TABLE case_counters ALTER COLUMN slot DROP DEFAULT;
UPDATE case_counters SET next = next + 1;
INSERT INTO case_counters (organization_id, year, next, slot)
SELECT organization_id, year, next + other, other FROM case_counters CROSS JOIN generate_series(1, 63) AS other;
ALTER TABLE case_counters ADD PRIMARY KEY (organization_id, year, slot);
ALTER TABLE case_counters FORCE ROW LEVEL SECURITY;
