-- What GET /me/agenda walks: each list in the order of its days, and only what is open.

CREATE INDEX deadlines_open ON deadlines (organization_id, due_on, id) WHERE status IN ('pending_trigger', 'running');
CREATE INDEX commitments_open ON commitments (organization_id, due_on, id) WHERE status = 'open';
-- Cases that have gone quiet.
CREATE INDEX cases_by_last_contact ON cases (organization_id, status, last_contact_at, id);
-- What nobody leads: the cases that wait for somebody, and those that have a deadline all the same.
CREATE INDEX cases_nobodys ON cases (organization_id, opened_at, id) WHERE lead_advocate_id IS NULL AND status IN ('referred', 'triage', 'accepted');
CREATE INDEX cases_nobodys_due ON cases (organization_id, next_deadline_on, id) WHERE lead_advocate_id IS NULL AND next_deadline_on IS NOT NULL;
-- Whether a case may be closed: the count of its barriers without a disposition.
CREATE INDEX barriers_undisposed ON barriers (organization_id, case_id) WHERE disposition IS NULL;
-- A first contact that was only named when the case became active counts as the last one, too.
UPDATE cases SET last_contact_at = first_contact_at WHERE last_contact_at IS NULL AND first_contact_at IS NOT NULL;
