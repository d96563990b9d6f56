-- The first and the last time that the client of a case was reached.
CREATE INDEX notes_reached ON notes (organization_id, case_id, occurred_at) WHERE kind = 'contact' AND successful;
-- The agenda of a supervisor begins with the open cases of those who can no longer work.
CREATE INDEX cases_open_by_lead ON cases (organization_id, lead_advocate_id, opened_at, id)
    WHERE status IN ('referred', 'triage', 'waitlisted', 'accepted', 'active', 'on_hold', 'closing');
CREATE INDEX users_left ON users (organization_id, id) WHERE status <> 'active' OR role IN ('admin', 'auditor', 'integration');

-- The first and the last contact of a case follow from its records: the contacts that reached somebody, and what the latest transition that
-- names a first contact says. Until now the first was the one that was entered first.
CREATE TEMPORARY TABLE reached AS
SELECT organization_id, case_id, min(at) AS first_at, max(at) AS last_at
FROM (
    SELECT organization_id, case_id, occurred_at AS at FROM notes WHERE kind = 'contact' AND successful
    UNION ALL
    SELECT t.organization_id, t.case_id, CAST(round((julianday(json_extract(t.given, '$.first_contact')) - 2440587.5) * 86400000) AS INTEGER) * 1000
    FROM case_transitions AS t
    WHERE json_extract(t.given, '$.first_contact') IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM case_transitions AS later
            WHERE later.organization_id = t.organization_id AND later.case_id = t.case_id AND (later.at, later.id) > (t.at, t.id)
                AND json_extract(later.given, '$.first_contact') IS NOT NULL)
) AS contacts
GROUP BY organization_id, case_id;
-- SQLite makes no index of its own for the subqueries below: without this one they take the square of the number of cases.
CREATE UNIQUE INDEX temp.reached_by_case ON reached (organization_id, case_id);
-- A difference under a millisecond is none: the transition tells whole milliseconds. The triggers write what reports count, as of now.
UPDATE cases SET (first_contact_at, last_contact_at) = (SELECT first_at, last_at FROM reached WHERE reached.organization_id = cases.organization_id AND reached.case_id = cases.id),
    version = version + 1, kept_at = CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000
WHERE EXISTS (
    SELECT 1 FROM reached WHERE reached.organization_id = cases.organization_id AND reached.case_id = cases.id
        AND (cases.first_contact_at IS NULL OR cases.last_contact_at IS NULL
            OR abs(cases.first_contact_at - reached.first_at) >= 1000 OR abs(cases.last_contact_at - reached.last_at) >= 1000));
-- A contact that was corrected within its day may have left nothing behind.
UPDATE cases SET first_contact_at = NULL, last_contact_at = NULL, version = version + 1,
    kept_at = CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000
WHERE (first_contact_at IS NOT NULL OR last_contact_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM reached WHERE reached.organization_id = cases.organization_id AND reached.case_id = cases.id);
DROP TABLE reached;
