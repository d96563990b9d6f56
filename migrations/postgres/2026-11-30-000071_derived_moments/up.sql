SET LOCAL lock_timeout TO '10s';
-- The first and the last time that the client of a case was reached.
CREATE INDEX notes_reached ON notes (organization_id, case_id, occurred_at) WHERE kind = 'contact' AND successful;
-- The agenda of a supervisor begins with the open cases of those who can no longer work.
CREATE INDEX cases_open_by_lead ON cases (organization_id, lead_advocate_id, opened_at, id)
    WHERE status IN ('referred', 'triage', 'waitlisted', 'accepted', 'active', 'on_hold', 'closing');
CREATE INDEX users_left ON users (organization_id, id) WHERE status <> 'active' OR role IN ('admin', 'auditor', 'integration');

-- The first and the last contact of a case follow from its records: the contacts that reached somebody, and what the latest transition that
-- names a first contact says. Until now the first was the one that was entered first.
-- The owner is behind row-level security as well, and must see the rows of every organization here.
ALTER TABLE cases NO FORCE ROW LEVEL SECURITY;
ALTER TABLE case_transitions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE notes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE case_facts NO FORCE ROW LEVEL SECURITY;
CREATE TEMPORARY TABLE reached ON COMMIT DROP AS
SELECT organization_id, case_id, min(at) AS first_at, max(at) AS last_at
FROM (
    SELECT organization_id, case_id, occurred_at AS at FROM notes WHERE kind = 'contact' AND successful
    UNION ALL
    (SELECT DISTINCT ON (organization_id, case_id) organization_id, case_id, (given ->> 'first_contact')::timestamptz
    FROM case_transitions
    WHERE given ->> 'first_contact' IS NOT NULL
    ORDER BY organization_id, case_id, case_transitions.at DESC, id DESC)
) AS contacts
GROUP BY organization_id, case_id;
-- A difference under a millisecond is none: the transition tells whole milliseconds. The triggers write what reports count, as of now.
UPDATE cases SET first_contact_at = reached.first_at, last_contact_at = reached.last_at, version = version + 1, kept_at = now()
FROM reached
WHERE reached.organization_id = cases.organization_id AND reached.case_id = cases.id
    AND (cases.first_contact_at IS NULL OR cases.last_contact_at IS NULL
        OR abs(micros(cases.first_contact_at) - micros(reached.first_at)) >= 1000
        OR abs(micros(cases.last_contact_at) - micros(reached.last_at)) >= 1000);
-- A contact that was corrected within its day may have left nothing behind.
UPDATE cases SET first_contact_at = NULL, last_contact_at = NULL, version = version + 1, kept_at = now()
WHERE (first_contact_at IS NOT NULL OR last_contact_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM reached WHERE reached.organization_id = cases.organization_id AND reached.case_id = cases.id);
ALTER TABLE cases FORCE ROW LEVEL SECURITY;
ALTER TABLE case_transitions FORCE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
ALTER TABLE case_facts FORCE ROW LEVEL SECURITY;
