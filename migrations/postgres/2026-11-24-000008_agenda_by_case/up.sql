-- What is open, by its case: an advocate's agenda goes by their cases. The indexes of deadlines hold all that it shows, since the rows
-- are long.
DROP INDEX deadlines_open;
CREATE INDEX deadlines_open ON deadlines (organization_id, due_on, id, case_id, action_id, due_at, time_zone, status)
    WHERE status IN ('pending_trigger', 'running');
CREATE INDEX deadlines_open_by_case ON deadlines (organization_id, case_id, due_on, id, action_id, due_at, time_zone, status)
    WHERE status IN ('pending_trigger', 'running');
CREATE INDEX tasks_open_by_case ON tasks (organization_id, case_id, due_on, id) WHERE status = 'open';
-- With the lead in it, so that SQLite does not take the index of all that nobody leads.
DROP INDEX cases_nobodys;
CREATE INDEX cases_nobodys ON cases (organization_id, lead_advocate_id, opened_at, id)
    WHERE lead_advocate_id IS NULL AND status IN ('referred', 'triage', 'accepted');
CREATE INDEX commitments_open_by_meeting ON commitments (organization_id, meeting_id, due_on, id) WHERE status = 'open';
-- What is not indexed yet: with the shelf in it, so that SQLite does not read the documents in their order instead.
DROP INDEX search_documents_fresh;
CREATE INDEX search_documents_fresh ON search_documents (organization_id, shelf, number) WHERE shelf IS NULL;
-- What an advocate searches: the documents of their cases, kind by kind.
DROP INDEX search_documents_by_case;
CREATE INDEX search_documents_by_case ON search_documents (organization_id, case_id, kind);
