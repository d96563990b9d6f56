SET LOCAL lock_timeout TO '10s';
ALTER TABLE case_counters NO FORCE ROW LEVEL SECURITY;
ALTER TABLE case_counters DROP CONSTRAINT case_counters_pkey;
UPDATE case_counters AS first
SET next = (SELECT greatest(max(next) - 64, 0) FROM case_counters AS each WHERE each.organization_id = first.organization_id AND each.year = first.year)
WHERE slot = 0;
DELETE FROM case_counters WHERE slot <> 0;
ALTER TABLE case_counters DROP COLUMN slot;
ALTER TABLE case_counters RENAME COLUMN next TO last;
ALTER TABLE case_counters ADD PRIMARY KEY (organization_id, year);
ALTER TABLE case_counters FORCE ROW LEVEL SECURITY;
