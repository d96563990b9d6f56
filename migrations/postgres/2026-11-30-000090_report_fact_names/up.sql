SET LOCAL lock_timeout TO '10s';
-- The views and triggers of report facts get plain names. tests/api/report_facts.rs wrote this from `TABLES` in
-- src/overview/reports/facts.rs. What they do is the same.
DROP FUNCTION tell_deadlines_of_action CASCADE;
DROP FUNCTION tell_case CASCADE;
DROP FUNCTION tell_barrier CASCADE;
DROP FUNCTION tell_action CASCADE;
DROP FUNCTION tell_deadline CASCADE;
DROP FUNCTION tell_meeting CASCADE;
DROP FUNCTION tell_task CASCADE;
DROP FUNCTION facts_wait;
DROP VIEW case_history;
DROP VIEW barrier_history;
DROP VIEW action_history;
DROP VIEW deadline_history;
DROP VIEW meeting_history;
DROP VIEW task_history;

CREATE VIEW case_history WITH (security_invoker = TRUE) AS
WITH change_times AS (
    SELECT organization_id, case_id, at, max(contact_at) AS contact_at
    FROM (
        SELECT organization_id, case_id, at, NULL::timestamptz AS contact_at FROM case_transitions
        UNION ALL SELECT organization_id, case_id, occurred_at, occurred_at FROM notes
            WHERE kind = 'contact' AND successful
        UNION ALL SELECT organization_id, case_id, started_at, NULL::timestamptz FROM assignments WHERE role = 'lead'
    ) AS moments
    GROUP BY organization_id, case_id, at
), rows_by_time AS (
    SELECT m.organization_id, m.case_id, m.at, lead(m.at) OVER so_far AS until,
        min(m.contact_at) OVER so_far AS first_contact_at, max(m.contact_at) OVER so_far AS last_contact_at,
        (SELECT t.id FROM case_transitions AS t
            WHERE t.organization_id = m.organization_id AND t.case_id = m.case_id AND t.at <= m.at
            ORDER BY t.at DESC, t.id DESC LIMIT 1) AS transition_id,
        (SELECT a.user_id FROM assignments AS a
            WHERE a.organization_id = m.organization_id AND a.case_id = m.case_id AND a.role = 'lead'
                AND a.started_at <= m.at
            ORDER BY a.started_at DESC, a.id DESC LIMIT 1) AS lead_id,
        (SELECT max(e.opened_at) FROM case_episodes AS e
            WHERE e.organization_id = m.organization_id AND e.case_id = m.case_id AND e.opened_at <= m.at) AS began_at
    FROM change_times AS m
    WINDOW so_far AS (PARTITION BY m.organization_id, m.case_id ORDER BY m.at)
)
SELECT h.organization_id, c.team_id, coalesce(micros(h.until), 9223372036854775807) AS replaced_at, h.case_id,
    micros(h.at) AS recorded_at, c.client_id,
    CASE WHEN h.until IS NULL THEN c.lead_advocate_id ELSE h.lead_id END AS lead_id,
    s.to_status AS status, micros(s.at) AS since,
    CASE WHEN h.at = s.at THEN (s.to_status IN ('accepted', 'active', 'on_hold', 'closing'))::int4
        - (coalesce(s.from_status, '') IN ('accepted', 'active', 'on_hold', 'closing'))::int4 ELSE 0 END AS step,
    micros(coalesce(h.began_at, c.opened_at)) AS began_at, c.priority, c.advocacy_type, c.intake_source, micros(c.opened_at) AS opened_at,
    micros(CASE WHEN h.until IS NULL THEN c.first_contact_at ELSE h.first_contact_at END) AS first_contact_at,
    micros(CASE WHEN h.until IS NULL THEN c.last_contact_at ELSE h.last_contact_at END) AS last_contact_at,
    CASE WHEN s.to_status = 'closed' THEN (SELECT e.closing_reason FROM case_episodes AS e
        WHERE e.organization_id = h.organization_id AND e.case_id = h.case_id AND e.opened_at <= h.at
        ORDER BY e.opened_at DESC LIMIT 1) END AS closing_reason,
    CASE WHEN s.to_status = 'closed' THEN (SELECT e.outcome FROM case_episodes AS e
        WHERE e.organization_id = h.organization_id AND e.case_id = h.case_id AND e.opened_at <= h.at
        ORDER BY e.opened_at DESC LIMIT 1) END AS outcome,
    CASE WHEN s.to_status IN ('declined', 'waitlisted') THEN (s.given ->> 'reason_code') END AS unmet_reason,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END AS voided_at
FROM rows_by_time AS h
    JOIN case_transitions AS s ON s.organization_id = h.organization_id AND s.id = h.transition_id
    JOIN cases AS c ON c.organization_id = h.organization_id AND c.id = h.case_id;
GRANT SELECT ON case_history TO alongside_app;
CREATE VIEW barrier_history WITH (security_invoker = TRUE) AS
SELECT b.organization_id, c.team_id, CASE WHEN b.resolved_at IS NOT NULL THEN micros(b.resolved_at) ELSE 9223372036854775807 END AS replaced_at,
    b.id AS barrier_id, micros(b.opened_at) AS recorded_at, b.case_id, c.client_id,
    b.type AS type,
    b.bases::text AS bases,
    (b.service_type ->> 'code') AS service_type,
    b.provider_id AS provider_id,
    b.service_id AS service_id,
    b.severity AS severity,
    (b.occurred_on - DATE '1970-01-01') AS occurred_on,
    micros(b.opened_at) AS opened_at,
    CASE WHEN b.resolved_at IS NOT NULL THEN NULL::int8 ELSE micros(b.resolved_at) END AS ended_at,
    CASE WHEN b.resolved_at IS NOT NULL THEN NULL::text ELSE b.disposition END AS disposition,
    CASE WHEN b.resolved_at IS NOT NULL THEN NULL::text ELSE b.judged_by END AS judged_by,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END AS voided_at
FROM barriers AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, micros(b.resolved_at), b.case_id, c.client_id,
    b.type,
    b.bases::text,
    (b.service_type ->> 'code'),
    b.provider_id,
    b.service_id,
    b.severity,
    (b.occurred_on - DATE '1970-01-01'),
    micros(b.opened_at),
    micros(b.resolved_at),
    b.disposition,
    b.judged_by,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
FROM barriers AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.resolved_at IS NOT NULL;
GRANT SELECT ON barrier_history TO alongside_app;
CREATE VIEW action_history WITH (security_invoker = TRUE) AS
SELECT b.organization_id, c.team_id, CASE WHEN b.status IN ('decided', 'withdrawn', 'entered_in_error') THEN micros(b.updated_at) ELSE 9223372036854775807 END AS replaced_at,
    b.id AS action_id, micros(b.created_at) AS recorded_at, b.case_id, c.client_id,
    b.type AS type,
    b.scheme AS scheme,
    b.provider_id AS provider_id,
    CASE WHEN b.status IN ('decided', 'withdrawn', 'entered_in_error') THEN CASE WHEN b.filed_on IS NULL THEN 'draft' ELSE 'filed' END ELSE b.status END AS status,
    (b.filed_on - DATE '1970-01-01') AS filed_on,
    CASE WHEN b.status IN ('decided', 'withdrawn', 'entered_in_error') THEN NULL::text ELSE b.decision END AS decision,
    CASE WHEN b.status IN ('decided', 'withdrawn', 'entered_in_error') THEN NULL::int4 ELSE (b.decided_on - DATE '1970-01-01') END AS decided_on,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END AS voided_at
FROM actions AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, micros(b.updated_at), b.case_id, c.client_id,
    b.type,
    b.scheme,
    b.provider_id,
    b.status,
    (b.filed_on - DATE '1970-01-01'),
    b.decision,
    (b.decided_on - DATE '1970-01-01'),
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
FROM actions AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.status IN ('decided', 'withdrawn', 'entered_in_error');
GRANT SELECT ON action_history TO alongside_app;
CREATE VIEW deadline_history WITH (security_invoker = TRUE) AS
SELECT b.organization_id, c.team_id, CASE WHEN b.status NOT IN ('running', 'pending_trigger') THEN micros(b.updated_at) ELSE 9223372036854775807 END AS replaced_at,
    b.id AS deadline_id, micros(b.created_at) AS recorded_at, b.case_id, c.client_id,
    (SELECT type FROM actions
                WHERE actions.organization_id = b.organization_id AND actions.id = b.action_id) AS action_type,
    b.source AS source,
    (b.due_on - DATE '1970-01-01') AS due_on,
    micros(b.due_at) AS due_at,
    CASE WHEN b.status NOT IN ('running', 'pending_trigger') THEN 'running' ELSE b.status END AS status,
    CASE WHEN b.status NOT IN ('running', 'pending_trigger') THEN NULL::int4 ELSE (b.satisfied_on - DATE '1970-01-01') END AS satisfied_on,
    CASE WHEN b.status NOT IN ('running', 'pending_trigger') THEN 0 ELSE b.late_filing::int4 END AS late_filing,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END AS voided_at
FROM deadlines AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, micros(b.updated_at), b.case_id, c.client_id,
    (SELECT type FROM actions
                WHERE actions.organization_id = b.organization_id AND actions.id = b.action_id),
    b.source,
    (b.due_on - DATE '1970-01-01'),
    micros(b.due_at),
    b.status,
    (b.satisfied_on - DATE '1970-01-01'),
    b.late_filing::int4,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
FROM deadlines AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.status NOT IN ('running', 'pending_trigger');
GRANT SELECT ON deadline_history TO alongside_app;
CREATE VIEW meeting_history WITH (security_invoker = TRUE) AS
SELECT b.organization_id, c.team_id, CASE WHEN b.status NOT IN ('proposed', 'booked') THEN micros(b.updated_at) ELSE 9223372036854775807 END AS replaced_at,
    b.id AS meeting_id, micros(b.created_at) AS recorded_at, b.case_id, c.client_id,
    b.type AS type,
    b.provider_id AS provider_id,
    micros(b.starts_at) AS starts_at,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN 'booked' ELSE b.status END AS status,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL::text ELSE b.who_spoke END AS who_spoke,
    b.mandatory_items AS mandatory_items,
    b.mandatory_done AS mandatory_done,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL::int4 ELSE (b.ratings_after ->> 'prepared')::int4 - (b.ratings_before ->> 'prepared')::int4 END AS prepared,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL::int4 ELSE (b.ratings_after ->> 'understood_options')::int4 - (b.ratings_before ->> 'understood_options')::int4 END AS understood_options,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL::int4 ELSE (b.ratings_after ->> 'heard')::int4 - (b.ratings_before ->> 'heard')::int4 END AS heard,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL::int4 ELSE (b.ratings_after ->> 'confidence')::int4 - (b.ratings_before ->> 'confidence')::int4 END AS confidence,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END AS voided_at
FROM meetings AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, micros(b.updated_at), b.case_id, c.client_id,
    b.type,
    b.provider_id,
    micros(b.starts_at),
    b.status,
    b.who_spoke,
    b.mandatory_items,
    b.mandatory_done,
    (b.ratings_after ->> 'prepared')::int4 - (b.ratings_before ->> 'prepared')::int4,
    (b.ratings_after ->> 'understood_options')::int4 - (b.ratings_before ->> 'understood_options')::int4,
    (b.ratings_after ->> 'heard')::int4 - (b.ratings_before ->> 'heard')::int4,
    (b.ratings_after ->> 'confidence')::int4 - (b.ratings_before ->> 'confidence')::int4,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
FROM meetings AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.status NOT IN ('proposed', 'booked');
GRANT SELECT ON meeting_history TO alongside_app;
CREATE VIEW task_history WITH (security_invoker = TRUE) AS
SELECT b.organization_id, c.team_id, CASE WHEN b.status <> 'open' THEN micros(coalesce(b.done_at, b.updated_at)) ELSE 9223372036854775807 END AS replaced_at,
    b.id AS task_id, micros(b.created_at) AS recorded_at, b.case_id, c.client_id,
    b.assignee_id AS assignee_id,
    (b.due_on - DATE '1970-01-01') AS due_on,
    CASE WHEN b.status <> 'open' THEN 'open' ELSE b.status END AS status,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END AS voided_at
FROM tasks AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, micros(coalesce(b.done_at, b.updated_at)), b.case_id, c.client_id,
    b.assignee_id,
    (b.due_on - DATE '1970-01-01'),
    b.status,
    CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
FROM tasks AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.status <> 'open';
GRANT SELECT ON task_history TO alongside_app;
CREATE FUNCTION report_facts_deferred() RETURNS BOOL LANGUAGE sql STABLE RETURN coalesce(current_setting('app.report_facts', TRUE), '') = 'deferred';
CREATE FUNCTION write_case_facts() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    now INT8 := micros(coalesce(NEW.kept_at, NEW.updated_at));
    last case_facts;
    inside CONSTANT INT4 := (NEW.status IN ('accepted', 'active', 'on_hold', 'closing'))::int4;
BEGIN
    SELECT * INTO last FROM case_facts WHERE organization_id = NEW.organization_id AND case_id = NEW.id ORDER BY replaced_at DESC LIMIT 1;
    now := greatest(now, last.recorded_at + 1);
    UPDATE case_facts SET replaced_at = now
    WHERE organization_id = NEW.organization_id AND team_id = last.team_id AND replaced_at = 9223372036854775807 AND case_id = NEW.id;
    INSERT INTO case_facts (organization_id, team_id, replaced_at, case_id, recorded_at, client_id, lead_id, status, since, step, began_at, priority, advocacy_type, intake_source, opened_at, first_contact_at, last_contact_at, closing_reason, outcome, unmet_reason, voided_at)
    VALUES (NEW.organization_id, NEW.team_id, 9223372036854775807, NEW.id, now, NEW.client_id, NEW.lead_advocate_id, NEW.status, CASE WHEN TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN now ELSE coalesce(last.since, now) END, CASE WHEN TG_OP = 'INSERT' THEN inside WHEN NEW.status = OLD.status THEN 0 ELSE inside - (OLD.status IN ('accepted', 'active', 'on_hold', 'closing'))::int4 END, CASE WHEN TG_OP = 'INSERT' THEN micros(NEW.opened_at) WHEN NEW.episode = OLD.episode THEN coalesce(last.began_at, micros(NEW.opened_at)) ELSE now END, NEW.priority, NEW.advocacy_type, NEW.intake_source, micros(NEW.opened_at), micros(NEW.first_contact_at), micros(NEW.last_contact_at), NEW.closing_reason, NEW.outcome, NEW.unmet_reason, CASE WHEN NEW.status = 'entered_in_error' THEN now ELSE 9223372036854775807 END);
    IF TG_OP = 'UPDATE' AND NEW.status = 'entered_in_error' AND OLD.status <> NEW.status THEN
        UPDATE case_facts SET voided_at = now WHERE organization_id = NEW.organization_id AND case_id = NEW.id;
        UPDATE barrier_facts SET voided_at = now WHERE organization_id = NEW.organization_id AND case_id = NEW.id;
        UPDATE action_facts SET voided_at = now WHERE organization_id = NEW.organization_id AND case_id = NEW.id;
        UPDATE deadline_facts SET voided_at = now WHERE organization_id = NEW.organization_id AND case_id = NEW.id;
        UPDATE meeting_facts SET voided_at = now WHERE organization_id = NEW.organization_id AND case_id = NEW.id;
        UPDATE task_facts SET voided_at = now WHERE organization_id = NEW.organization_id AND case_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER case_facts_on_insert AFTER INSERT ON cases FOR EACH ROW WHEN (NOT report_facts_deferred()) EXECUTE FUNCTION write_case_facts();
CREATE TRIGGER case_facts_on_update AFTER UPDATE ON cases FOR EACH ROW
WHEN (ROW(NEW.team_id, NEW.lead_advocate_id, NEW.status, NEW.priority, NEW.advocacy_type, NEW.intake_source, NEW.opened_at, NEW.first_contact_at, NEW.last_contact_at, NEW.closing_reason, NEW.outcome, NEW.unmet_reason, NEW.episode)
    IS DISTINCT FROM ROW(OLD.team_id, OLD.lead_advocate_id, OLD.status, OLD.priority, OLD.advocacy_type, OLD.intake_source, OLD.opened_at, OLD.first_contact_at, OLD.last_contact_at, OLD.closing_reason, OLD.outcome, OLD.unmet_reason, OLD.episode))
EXECUTE FUNCTION write_case_facts();
CREATE FUNCTION write_barrier_facts() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    now INT8 := micros(NEW.updated_at);
    ended_at INT8;
BEGIN
    UPDATE barrier_facts SET replaced_at = greatest(now, recorded_at + 1)
    WHERE organization_id = NEW.organization_id AND case_id = NEW.case_id AND replaced_at = 9223372036854775807 AND barrier_id = NEW.id
    RETURNING replaced_at INTO ended_at;
    now := coalesce(ended_at, now);
    INSERT INTO barrier_facts (organization_id, team_id, replaced_at, barrier_id, recorded_at, case_id, client_id, type, bases, service_type, provider_id, service_id, severity, occurred_on, opened_at, ended_at, disposition, judged_by, voided_at)
    SELECT NEW.organization_id, c.team_id, 9223372036854775807, NEW.id, now, NEW.case_id, c.client_id, NEW.type, NEW.bases::text, (NEW.service_type ->> 'code'), NEW.provider_id, NEW.service_id, NEW.severity, (NEW.occurred_on - DATE '1970-01-01'), micros(NEW.opened_at), micros(NEW.resolved_at), NEW.disposition, NEW.judged_by, CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = NEW.organization_id AND c.id = NEW.case_id;
    RETURN NULL;
END $$;
CREATE TRIGGER barrier_facts_on_insert AFTER INSERT ON barriers FOR EACH ROW WHEN (NOT report_facts_deferred()) EXECUTE FUNCTION write_barrier_facts();
CREATE TRIGGER barrier_facts_on_update AFTER UPDATE ON barriers FOR EACH ROW
WHEN (ROW(NEW.type, NEW.bases, NEW.service_type, NEW.provider_id, NEW.service_id, NEW.severity, NEW.occurred_on, NEW.opened_at, NEW.resolved_at, NEW.disposition, NEW.judged_by)
    IS DISTINCT FROM ROW(OLD.type, OLD.bases, OLD.service_type, OLD.provider_id, OLD.service_id, OLD.severity, OLD.occurred_on, OLD.opened_at, OLD.resolved_at, OLD.disposition, OLD.judged_by))
EXECUTE FUNCTION write_barrier_facts();
CREATE FUNCTION write_action_facts() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    now INT8 := micros(NEW.updated_at);
    ended_at INT8;
BEGIN
    UPDATE action_facts SET replaced_at = greatest(now, recorded_at + 1)
    WHERE organization_id = NEW.organization_id AND case_id = NEW.case_id AND replaced_at = 9223372036854775807 AND action_id = NEW.id
    RETURNING replaced_at INTO ended_at;
    now := coalesce(ended_at, now);
    INSERT INTO action_facts (organization_id, team_id, replaced_at, action_id, recorded_at, case_id, client_id, type, scheme, provider_id, status, filed_on, decision, decided_on, voided_at)
    SELECT NEW.organization_id, c.team_id, 9223372036854775807, NEW.id, now, NEW.case_id, c.client_id, NEW.type, NEW.scheme, NEW.provider_id, NEW.status, (NEW.filed_on - DATE '1970-01-01'), NEW.decision, (NEW.decided_on - DATE '1970-01-01'), CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = NEW.organization_id AND c.id = NEW.case_id;
    RETURN NULL;
END $$;
CREATE TRIGGER action_facts_on_insert AFTER INSERT ON actions FOR EACH ROW WHEN (NOT report_facts_deferred()) EXECUTE FUNCTION write_action_facts();
CREATE TRIGGER action_facts_on_update AFTER UPDATE ON actions FOR EACH ROW
WHEN (ROW(NEW.type, NEW.scheme, NEW.provider_id, NEW.status, NEW.filed_on, NEW.decision, NEW.decided_on)
    IS DISTINCT FROM ROW(OLD.type, OLD.scheme, OLD.provider_id, OLD.status, OLD.filed_on, OLD.decision, OLD.decided_on))
EXECUTE FUNCTION write_action_facts();
CREATE FUNCTION write_deadline_facts() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    now INT8 := micros(NEW.updated_at);
    ended_at INT8;
BEGIN
    UPDATE deadline_facts SET replaced_at = greatest(now, recorded_at + 1)
    WHERE organization_id = NEW.organization_id AND case_id = NEW.case_id AND replaced_at = 9223372036854775807 AND deadline_id = NEW.id
    RETURNING replaced_at INTO ended_at;
    now := coalesce(ended_at, now);
    INSERT INTO deadline_facts (organization_id, team_id, replaced_at, deadline_id, recorded_at, case_id, client_id, action_type, source, due_on, due_at, status, satisfied_on, late_filing, voided_at)
    SELECT NEW.organization_id, c.team_id, 9223372036854775807, NEW.id, now, NEW.case_id, c.client_id, (SELECT type FROM actions
                WHERE actions.organization_id = NEW.organization_id AND actions.id = NEW.action_id), NEW.source, (NEW.due_on - DATE '1970-01-01'), micros(NEW.due_at), NEW.status, (NEW.satisfied_on - DATE '1970-01-01'), NEW.late_filing::int4, CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = NEW.organization_id AND c.id = NEW.case_id;
    RETURN NULL;
END $$;
CREATE TRIGGER deadline_facts_on_insert AFTER INSERT ON deadlines FOR EACH ROW WHEN (NOT report_facts_deferred()) EXECUTE FUNCTION write_deadline_facts();
CREATE TRIGGER deadline_facts_on_update AFTER UPDATE ON deadlines FOR EACH ROW
WHEN (ROW(NEW.source, NEW.due_on, NEW.due_at, NEW.status, NEW.satisfied_on, NEW.late_filing)
    IS DISTINCT FROM ROW(OLD.source, OLD.due_on, OLD.due_at, OLD.status, OLD.satisfied_on, OLD.late_filing))
EXECUTE FUNCTION write_deadline_facts();
CREATE FUNCTION write_meeting_facts() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    now INT8 := micros(NEW.updated_at);
    ended_at INT8;
BEGIN
    UPDATE meeting_facts SET replaced_at = greatest(now, recorded_at + 1)
    WHERE organization_id = NEW.organization_id AND case_id = NEW.case_id AND replaced_at = 9223372036854775807 AND meeting_id = NEW.id
    RETURNING replaced_at INTO ended_at;
    now := coalesce(ended_at, now);
    INSERT INTO meeting_facts (organization_id, team_id, replaced_at, meeting_id, recorded_at, case_id, client_id, type, provider_id, starts_at, status, who_spoke, mandatory_items, mandatory_done, prepared, understood_options, heard, confidence, voided_at)
    SELECT NEW.organization_id, c.team_id, 9223372036854775807, NEW.id, now, NEW.case_id, c.client_id, NEW.type, NEW.provider_id, micros(NEW.starts_at), NEW.status, NEW.who_spoke, NEW.mandatory_items, NEW.mandatory_done, (NEW.ratings_after ->> 'prepared')::int4 - (NEW.ratings_before ->> 'prepared')::int4, (NEW.ratings_after ->> 'understood_options')::int4 - (NEW.ratings_before ->> 'understood_options')::int4, (NEW.ratings_after ->> 'heard')::int4 - (NEW.ratings_before ->> 'heard')::int4, (NEW.ratings_after ->> 'confidence')::int4 - (NEW.ratings_before ->> 'confidence')::int4, CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = NEW.organization_id AND c.id = NEW.case_id;
    RETURN NULL;
END $$;
CREATE TRIGGER meeting_facts_on_insert AFTER INSERT ON meetings FOR EACH ROW WHEN (NOT report_facts_deferred()) EXECUTE FUNCTION write_meeting_facts();
CREATE TRIGGER meeting_facts_on_update AFTER UPDATE ON meetings FOR EACH ROW
WHEN (ROW(NEW.type, NEW.provider_id, NEW.starts_at, NEW.status, NEW.who_spoke, NEW.mandatory_items, NEW.mandatory_done, NEW.ratings_before, NEW.ratings_after)
    IS DISTINCT FROM ROW(OLD.type, OLD.provider_id, OLD.starts_at, OLD.status, OLD.who_spoke, OLD.mandatory_items, OLD.mandatory_done, OLD.ratings_before, OLD.ratings_after))
EXECUTE FUNCTION write_meeting_facts();
CREATE FUNCTION write_task_facts() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    now INT8 := micros(NEW.updated_at);
    ended_at INT8;
BEGIN
    UPDATE task_facts SET replaced_at = greatest(now, recorded_at + 1)
    WHERE organization_id = NEW.organization_id AND case_id = NEW.case_id AND replaced_at = 9223372036854775807 AND task_id = NEW.id
    RETURNING replaced_at INTO ended_at;
    now := coalesce(ended_at, now);
    INSERT INTO task_facts (organization_id, team_id, replaced_at, task_id, recorded_at, case_id, client_id, assignee_id, due_on, status, voided_at)
    SELECT NEW.organization_id, c.team_id, 9223372036854775807, NEW.id, now, NEW.case_id, c.client_id, NEW.assignee_id, (NEW.due_on - DATE '1970-01-01'), NEW.status, CASE WHEN c.status = 'entered_in_error' THEN micros(c.updated_at) ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = NEW.organization_id AND c.id = NEW.case_id;
    RETURN NULL;
END $$;
CREATE TRIGGER task_facts_on_insert AFTER INSERT ON tasks FOR EACH ROW WHEN (NOT report_facts_deferred()) EXECUTE FUNCTION write_task_facts();
CREATE TRIGGER task_facts_on_update AFTER UPDATE ON tasks FOR EACH ROW
WHEN (ROW(NEW.assignee_id, NEW.due_on, NEW.status)
    IS DISTINCT FROM ROW(OLD.assignee_id, OLD.due_on, OLD.status))
EXECUTE FUNCTION write_task_facts();
CREATE FUNCTION write_deadline_facts_of_action() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN 
    UPDATE deadline_facts SET replaced_at = greatest(micros(NEW.updated_at), recorded_at + 1)
    WHERE organization_id = NEW.organization_id AND case_id = NEW.case_id AND replaced_at = 9223372036854775807 AND deadline_id IN (SELECT id FROM deadlines WHERE organization_id = NEW.organization_id AND action_id = NEW.id);
    INSERT INTO deadline_facts (organization_id, team_id, replaced_at, deadline_id, recorded_at, case_id, client_id, action_type, source, due_on, due_at, status, satisfied_on, late_filing, voided_at)
    SELECT f.organization_id, f.team_id, 9223372036854775807, f.deadline_id, f.replaced_at, f.case_id, f.client_id, NEW.type, f.source, f.due_on, f.due_at, f.status, f.satisfied_on, f.late_filing, f.voided_at
    FROM deadline_facts AS f
    WHERE f.organization_id = NEW.organization_id AND f.case_id = NEW.case_id AND f.deadline_id IN (SELECT id FROM deadlines WHERE organization_id = NEW.organization_id AND action_id = NEW.id)
        AND f.replaced_at = (SELECT max(l.replaced_at) FROM deadline_facts AS l WHERE l.organization_id = f.organization_id AND l.case_id = f.case_id AND l.deadline_id = f.deadline_id);
 RETURN NULL;
END $$;
CREATE TRIGGER deadline_facts_on_action_type AFTER UPDATE OF type ON actions FOR EACH ROW WHEN (NEW.type <> OLD.type) EXECUTE FUNCTION write_deadline_facts_of_action();
