DROP INDEX search_documents_fresh;
CREATE INDEX search_documents_fresh ON search_documents (organization_id, number) WHERE shelf IS NULL;
DROP INDEX search_documents_by_case;
CREATE INDEX search_documents_by_case ON search_documents (organization_id, case_id);
DROP INDEX cases_nobodys;
CREATE INDEX cases_nobodys ON cases (organization_id, opened_at, id)
    WHERE lead_advocate_id IS NULL AND status IN ('referred', 'triage', 'accepted');
DROP INDEX commitments_open_by_meeting;
DROP INDEX tasks_open_by_case;
DROP INDEX deadlines_open_by_case;
DROP INDEX deadlines_open;
CREATE INDEX deadlines_open ON deadlines (organization_id, due_on, id) WHERE status IN ('pending_trigger', 'running');
