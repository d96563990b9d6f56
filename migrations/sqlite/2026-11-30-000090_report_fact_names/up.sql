-- The views and triggers of report facts get plain names. tests/api/report_facts.rs wrote this from `TABLES` in
-- src/overview/reports/facts.rs. What they do is the same.
DROP TRIGGER deadline_facts_of_action;
DROP TRIGGER facts_of_a_mistake;
DROP TRIGGER case_facts_begin;
DROP TRIGGER case_facts_change;
DROP TRIGGER barrier_facts_begin;
DROP TRIGGER barrier_facts_change;
DROP TRIGGER action_facts_begin;
DROP TRIGGER action_facts_change;
DROP TRIGGER deadline_facts_begin;
DROP TRIGGER deadline_facts_change;
DROP TRIGGER meeting_facts_begin;
DROP TRIGGER meeting_facts_change;
DROP TRIGGER task_facts_begin;
DROP TRIGGER task_facts_change;
DROP VIEW case_history;
DROP VIEW barrier_history;
DROP VIEW action_history;
DROP VIEW deadline_history;
DROP VIEW meeting_history;
DROP VIEW task_history;

CREATE VIEW case_history AS
WITH change_times AS (
    SELECT organization_id, case_id, at, max(contact_at) AS contact_at
    FROM (
        SELECT organization_id, case_id, at, NULL AS contact_at FROM case_transitions
        UNION ALL SELECT organization_id, case_id, occurred_at, occurred_at FROM notes
            WHERE kind = 'contact' AND successful
        UNION ALL SELECT organization_id, case_id, started_at, NULL FROM assignments WHERE role = 'lead'
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
SELECT h.organization_id, c.team_id, coalesce(h.until, 9223372036854775807) AS replaced_at, h.case_id,
    h.at AS recorded_at, c.client_id,
    CASE WHEN h.until IS NULL THEN c.lead_advocate_id ELSE h.lead_id END AS lead_id,
    s.to_status AS status, s.at AS since,
    CASE WHEN h.at = s.at THEN (s.to_status IN ('accepted', 'active', 'on_hold', 'closing'))
        - (coalesce(s.from_status, '') IN ('accepted', 'active', 'on_hold', 'closing')) ELSE 0 END AS step,
    coalesce(h.began_at, c.opened_at) AS began_at, c.priority, c.advocacy_type, c.intake_source, c.opened_at AS opened_at,
    CASE WHEN h.until IS NULL THEN c.first_contact_at ELSE h.first_contact_at END AS first_contact_at,
    CASE WHEN h.until IS NULL THEN c.last_contact_at ELSE h.last_contact_at END AS last_contact_at,
    CASE WHEN s.to_status = 'closed' THEN (SELECT e.closing_reason FROM case_episodes AS e
        WHERE e.organization_id = h.organization_id AND e.case_id = h.case_id AND e.opened_at <= h.at
        ORDER BY e.opened_at DESC LIMIT 1) END AS closing_reason,
    CASE WHEN s.to_status = 'closed' THEN (SELECT e.outcome FROM case_episodes AS e
        WHERE e.organization_id = h.organization_id AND e.case_id = h.case_id AND e.opened_at <= h.at
        ORDER BY e.opened_at DESC LIMIT 1) END AS outcome,
    CASE WHEN s.to_status IN ('declined', 'waitlisted') THEN json_extract(s.given, '$.reason_code') END AS unmet_reason,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END AS voided_at
FROM rows_by_time AS h
    JOIN case_transitions AS s ON s.organization_id = h.organization_id AND s.id = h.transition_id
    JOIN cases AS c ON c.organization_id = h.organization_id AND c.id = h.case_id;
CREATE VIEW barrier_history AS
SELECT b.organization_id, c.team_id, CASE WHEN b.resolved_at IS NOT NULL THEN b.resolved_at ELSE 9223372036854775807 END AS replaced_at,
    b.id AS barrier_id, b.opened_at AS recorded_at, b.case_id, c.client_id,
    b.type AS type,
    b.bases AS bases,
    json_extract(b.service_type, '$.code') AS service_type,
    b.provider_id AS provider_id,
    b.service_id AS service_id,
    b.severity AS severity,
    CAST(julianday(b.occurred_on) - 2440587.5 AS INTEGER) AS occurred_on,
    b.opened_at AS opened_at,
    CASE WHEN b.resolved_at IS NOT NULL THEN NULL ELSE b.resolved_at END AS ended_at,
    CASE WHEN b.resolved_at IS NOT NULL THEN NULL ELSE b.disposition END AS disposition,
    CASE WHEN b.resolved_at IS NOT NULL THEN NULL ELSE b.judged_by END AS judged_by,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END AS voided_at
FROM barriers AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, b.resolved_at, b.case_id, c.client_id,
    b.type,
    b.bases,
    json_extract(b.service_type, '$.code'),
    b.provider_id,
    b.service_id,
    b.severity,
    CAST(julianday(b.occurred_on) - 2440587.5 AS INTEGER),
    b.opened_at,
    b.resolved_at,
    b.disposition,
    b.judged_by,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
FROM barriers AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.resolved_at IS NOT NULL;
CREATE VIEW action_history AS
SELECT b.organization_id, c.team_id, CASE WHEN b.status IN ('decided', 'withdrawn', 'entered_in_error') THEN b.updated_at ELSE 9223372036854775807 END AS replaced_at,
    b.id AS action_id, b.created_at AS recorded_at, b.case_id, c.client_id,
    b.type AS type,
    b.scheme AS scheme,
    b.provider_id AS provider_id,
    CASE WHEN b.status IN ('decided', 'withdrawn', 'entered_in_error') THEN CASE WHEN b.filed_on IS NULL THEN 'draft' ELSE 'filed' END ELSE b.status END AS status,
    CAST(julianday(b.filed_on) - 2440587.5 AS INTEGER) AS filed_on,
    CASE WHEN b.status IN ('decided', 'withdrawn', 'entered_in_error') THEN NULL ELSE b.decision END AS decision,
    CASE WHEN b.status IN ('decided', 'withdrawn', 'entered_in_error') THEN NULL ELSE CAST(julianday(b.decided_on) - 2440587.5 AS INTEGER) END AS decided_on,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END AS voided_at
FROM actions AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, b.updated_at, b.case_id, c.client_id,
    b.type,
    b.scheme,
    b.provider_id,
    b.status,
    CAST(julianday(b.filed_on) - 2440587.5 AS INTEGER),
    b.decision,
    CAST(julianday(b.decided_on) - 2440587.5 AS INTEGER),
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
FROM actions AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.status IN ('decided', 'withdrawn', 'entered_in_error');
CREATE VIEW deadline_history AS
SELECT b.organization_id, c.team_id, CASE WHEN b.status NOT IN ('running', 'pending_trigger') THEN b.updated_at ELSE 9223372036854775807 END AS replaced_at,
    b.id AS deadline_id, b.created_at AS recorded_at, b.case_id, c.client_id,
    (SELECT type FROM actions
                WHERE actions.organization_id = b.organization_id AND actions.id = b.action_id) AS action_type,
    b.source AS source,
    CAST(julianday(b.due_on) - 2440587.5 AS INTEGER) AS due_on,
    b.due_at AS due_at,
    CASE WHEN b.status NOT IN ('running', 'pending_trigger') THEN 'running' ELSE b.status END AS status,
    CASE WHEN b.status NOT IN ('running', 'pending_trigger') THEN NULL ELSE CAST(julianday(b.satisfied_on) - 2440587.5 AS INTEGER) END AS satisfied_on,
    CASE WHEN b.status NOT IN ('running', 'pending_trigger') THEN 0 ELSE b.late_filing END AS late_filing,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END AS voided_at
FROM deadlines AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, b.updated_at, b.case_id, c.client_id,
    (SELECT type FROM actions
                WHERE actions.organization_id = b.organization_id AND actions.id = b.action_id),
    b.source,
    CAST(julianday(b.due_on) - 2440587.5 AS INTEGER),
    b.due_at,
    b.status,
    CAST(julianday(b.satisfied_on) - 2440587.5 AS INTEGER),
    b.late_filing,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
FROM deadlines AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.status NOT IN ('running', 'pending_trigger');
CREATE VIEW meeting_history AS
SELECT b.organization_id, c.team_id, CASE WHEN b.status NOT IN ('proposed', 'booked') THEN b.updated_at ELSE 9223372036854775807 END AS replaced_at,
    b.id AS meeting_id, b.created_at AS recorded_at, b.case_id, c.client_id,
    b.type AS type,
    b.provider_id AS provider_id,
    b.starts_at AS starts_at,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN 'booked' ELSE b.status END AS status,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL ELSE b.who_spoke END AS who_spoke,
    b.mandatory_items AS mandatory_items,
    b.mandatory_done AS mandatory_done,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL ELSE json_extract(b.ratings_after, '$.prepared') - json_extract(b.ratings_before, '$.prepared') END AS prepared,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL ELSE json_extract(b.ratings_after, '$.understood_options') - json_extract(b.ratings_before, '$.understood_options') END AS understood_options,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL ELSE json_extract(b.ratings_after, '$.heard') - json_extract(b.ratings_before, '$.heard') END AS heard,
    CASE WHEN b.status NOT IN ('proposed', 'booked') THEN NULL ELSE json_extract(b.ratings_after, '$.confidence') - json_extract(b.ratings_before, '$.confidence') END AS confidence,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END AS voided_at
FROM meetings AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, b.updated_at, b.case_id, c.client_id,
    b.type,
    b.provider_id,
    b.starts_at,
    b.status,
    b.who_spoke,
    b.mandatory_items,
    b.mandatory_done,
    json_extract(b.ratings_after, '$.prepared') - json_extract(b.ratings_before, '$.prepared'),
    json_extract(b.ratings_after, '$.understood_options') - json_extract(b.ratings_before, '$.understood_options'),
    json_extract(b.ratings_after, '$.heard') - json_extract(b.ratings_before, '$.heard'),
    json_extract(b.ratings_after, '$.confidence') - json_extract(b.ratings_before, '$.confidence'),
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
FROM meetings AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.status NOT IN ('proposed', 'booked');
CREATE VIEW task_history AS
SELECT b.organization_id, c.team_id, CASE WHEN b.status <> 'open' THEN coalesce(b.done_at, b.updated_at) ELSE 9223372036854775807 END AS replaced_at,
    b.id AS task_id, b.created_at AS recorded_at, b.case_id, c.client_id,
    b.assignee_id AS assignee_id,
    CAST(julianday(b.due_on) - 2440587.5 AS INTEGER) AS due_on,
    CASE WHEN b.status <> 'open' THEN 'open' ELSE b.status END AS status,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END AS voided_at
FROM tasks AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
UNION ALL
SELECT b.organization_id, c.team_id, 9223372036854775807, b.id, coalesce(b.done_at, b.updated_at), b.case_id, c.client_id,
    b.assignee_id,
    CAST(julianday(b.due_on) - 2440587.5 AS INTEGER),
    b.status,
    CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
FROM tasks AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id
WHERE b.status <> 'open';
CREATE TRIGGER case_facts_on_insert AFTER INSERT ON cases BEGIN 
    INSERT INTO case_facts (organization_id, team_id, replaced_at, case_id, recorded_at, client_id, lead_id, status, since, step, began_at, priority, advocacy_type, intake_source, opened_at, first_contact_at, last_contact_at, closing_reason, outcome, unmet_reason, voided_at)
    VALUES (new.organization_id, new.team_id, 9223372036854775807, new.id, coalesce(new.kept_at, new.updated_at), new.client_id, new.lead_advocate_id, new.status, coalesce(new.kept_at, new.updated_at), new.status IN ('accepted', 'active', 'on_hold', 'closing'), new.opened_at, new.priority, new.advocacy_type, new.intake_source, new.opened_at, new.first_contact_at, new.last_contact_at, new.closing_reason, new.outcome, new.unmet_reason,
        CASE WHEN new.status = 'entered_in_error' THEN coalesce(new.kept_at, new.updated_at) ELSE 9223372036854775807 END);
 END;
CREATE TRIGGER case_facts_on_update AFTER UPDATE ON cases
WHEN (new.team_id, new.lead_advocate_id, new.status, new.priority, new.advocacy_type, new.intake_source, new.opened_at, new.first_contact_at, new.last_contact_at, new.closing_reason, new.outcome, new.unmet_reason, new.episode)
    IS NOT (old.team_id, old.lead_advocate_id, old.status, old.priority, old.advocacy_type, old.intake_source, old.opened_at, old.first_contact_at, old.last_contact_at, old.closing_reason, old.outcome, old.unmet_reason, old.episode)
BEGIN 
    UPDATE case_facts SET replaced_at = max(coalesce(new.kept_at, new.updated_at), recorded_at + 1)
    WHERE organization_id = new.organization_id AND team_id = old.team_id AND replaced_at = 9223372036854775807 AND case_id = new.id;
    INSERT INTO case_facts (organization_id, team_id, replaced_at, case_id, recorded_at, client_id, lead_id, status, since, step, began_at, priority, advocacy_type, intake_source, opened_at, first_contact_at, last_contact_at, closing_reason, outcome, unmet_reason, voided_at)
    SELECT new.organization_id, new.team_id, 9223372036854775807, new.id, latest.at, new.client_id, new.lead_advocate_id, new.status, CASE WHEN new.status = old.status THEN coalesce((SELECT since FROM case_facts WHERE organization_id = new.organization_id AND case_id = new.id
            ORDER BY replaced_at DESC LIMIT 1), latest.at) ELSE latest.at END, CASE WHEN new.status = old.status THEN 0 ELSE (new.status IN ('accepted', 'active', 'on_hold', 'closing')) - (old.status IN ('accepted', 'active', 'on_hold', 'closing')) END, CASE WHEN new.episode = old.episode THEN coalesce((SELECT began_at FROM case_facts WHERE organization_id = new.organization_id AND case_id = new.id
            ORDER BY replaced_at DESC LIMIT 1), new.opened_at) ELSE latest.at END, new.priority, new.advocacy_type, new.intake_source, new.opened_at, new.first_contact_at, new.last_contact_at, new.closing_reason, new.outcome, new.unmet_reason,
        CASE WHEN new.status = 'entered_in_error' THEN latest.at ELSE 9223372036854775807 END
    FROM (SELECT coalesce((SELECT max(replaced_at) FROM case_facts WHERE organization_id = new.organization_id
        AND case_id = new.id AND replaced_at < 9223372036854775807), coalesce(new.kept_at, new.updated_at)) AS at) AS latest;
 END;
CREATE TRIGGER barrier_facts_on_insert AFTER INSERT ON barriers BEGIN 
    INSERT INTO barrier_facts (organization_id, team_id, replaced_at, barrier_id, recorded_at, case_id, client_id, type, bases, service_type, provider_id, service_id, severity, occurred_on, opened_at, ended_at, disposition, judged_by, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, new.updated_at, new.case_id, c.client_id, new.type, new.bases, json_extract(new.service_type, '$.code'), new.provider_id, new.service_id, new.severity, CAST(julianday(new.occurred_on) - 2440587.5 AS INTEGER), new.opened_at, new.resolved_at, new.disposition, new.judged_by, CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER barrier_facts_on_update AFTER UPDATE ON barriers
WHEN (new.type, new.bases, new.service_type, new.provider_id, new.service_id, new.severity, new.occurred_on, new.opened_at, new.resolved_at, new.disposition, new.judged_by)
    IS NOT (old.type, old.bases, old.service_type, old.provider_id, old.service_id, old.severity, old.occurred_on, old.opened_at, old.resolved_at, old.disposition, old.judged_by)
BEGIN 
    UPDATE barrier_facts SET replaced_at = max(new.updated_at, recorded_at + 1)
    WHERE organization_id = new.organization_id AND case_id = new.case_id AND replaced_at = 9223372036854775807 AND barrier_id = new.id;
    INSERT INTO barrier_facts (organization_id, team_id, replaced_at, barrier_id, recorded_at, case_id, client_id, type, bases, service_type, provider_id, service_id, severity, occurred_on, opened_at, ended_at, disposition, judged_by, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, coalesce((SELECT max(replaced_at) FROM barrier_facts
            WHERE organization_id = new.organization_id AND case_id = new.case_id AND barrier_id = new.id
                AND replaced_at < 9223372036854775807), new.updated_at), new.case_id, c.client_id, new.type, new.bases, json_extract(new.service_type, '$.code'), new.provider_id, new.service_id, new.severity, CAST(julianday(new.occurred_on) - 2440587.5 AS INTEGER), new.opened_at, new.resolved_at, new.disposition, new.judged_by, CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER action_facts_on_insert AFTER INSERT ON actions BEGIN 
    INSERT INTO action_facts (organization_id, team_id, replaced_at, action_id, recorded_at, case_id, client_id, type, scheme, provider_id, status, filed_on, decision, decided_on, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, new.updated_at, new.case_id, c.client_id, new.type, new.scheme, new.provider_id, new.status, CAST(julianday(new.filed_on) - 2440587.5 AS INTEGER), new.decision, CAST(julianday(new.decided_on) - 2440587.5 AS INTEGER), CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER action_facts_on_update AFTER UPDATE ON actions
WHEN (new.type, new.scheme, new.provider_id, new.status, new.filed_on, new.decision, new.decided_on)
    IS NOT (old.type, old.scheme, old.provider_id, old.status, old.filed_on, old.decision, old.decided_on)
BEGIN 
    UPDATE action_facts SET replaced_at = max(new.updated_at, recorded_at + 1)
    WHERE organization_id = new.organization_id AND case_id = new.case_id AND replaced_at = 9223372036854775807 AND action_id = new.id;
    INSERT INTO action_facts (organization_id, team_id, replaced_at, action_id, recorded_at, case_id, client_id, type, scheme, provider_id, status, filed_on, decision, decided_on, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, coalesce((SELECT max(replaced_at) FROM action_facts
            WHERE organization_id = new.organization_id AND case_id = new.case_id AND action_id = new.id
                AND replaced_at < 9223372036854775807), new.updated_at), new.case_id, c.client_id, new.type, new.scheme, new.provider_id, new.status, CAST(julianday(new.filed_on) - 2440587.5 AS INTEGER), new.decision, CAST(julianday(new.decided_on) - 2440587.5 AS INTEGER), CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER deadline_facts_on_insert AFTER INSERT ON deadlines BEGIN 
    INSERT INTO deadline_facts (organization_id, team_id, replaced_at, deadline_id, recorded_at, case_id, client_id, action_type, source, due_on, due_at, status, satisfied_on, late_filing, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, new.updated_at, new.case_id, c.client_id, (SELECT type FROM actions
                WHERE actions.organization_id = new.organization_id AND actions.id = new.action_id), new.source, CAST(julianday(new.due_on) - 2440587.5 AS INTEGER), new.due_at, new.status, CAST(julianday(new.satisfied_on) - 2440587.5 AS INTEGER), new.late_filing, CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER deadline_facts_on_update AFTER UPDATE ON deadlines
WHEN (new.source, new.due_on, new.due_at, new.status, new.satisfied_on, new.late_filing)
    IS NOT (old.source, old.due_on, old.due_at, old.status, old.satisfied_on, old.late_filing)
BEGIN 
    UPDATE deadline_facts SET replaced_at = max(new.updated_at, recorded_at + 1)
    WHERE organization_id = new.organization_id AND case_id = new.case_id AND replaced_at = 9223372036854775807 AND deadline_id = new.id;
    INSERT INTO deadline_facts (organization_id, team_id, replaced_at, deadline_id, recorded_at, case_id, client_id, action_type, source, due_on, due_at, status, satisfied_on, late_filing, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, coalesce((SELECT max(replaced_at) FROM deadline_facts
            WHERE organization_id = new.organization_id AND case_id = new.case_id AND deadline_id = new.id
                AND replaced_at < 9223372036854775807), new.updated_at), new.case_id, c.client_id, (SELECT type FROM actions
                WHERE actions.organization_id = new.organization_id AND actions.id = new.action_id), new.source, CAST(julianday(new.due_on) - 2440587.5 AS INTEGER), new.due_at, new.status, CAST(julianday(new.satisfied_on) - 2440587.5 AS INTEGER), new.late_filing, CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER meeting_facts_on_insert AFTER INSERT ON meetings BEGIN 
    INSERT INTO meeting_facts (organization_id, team_id, replaced_at, meeting_id, recorded_at, case_id, client_id, type, provider_id, starts_at, status, who_spoke, mandatory_items, mandatory_done, prepared, understood_options, heard, confidence, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, new.updated_at, new.case_id, c.client_id, new.type, new.provider_id, new.starts_at, new.status, new.who_spoke, new.mandatory_items, new.mandatory_done, json_extract(new.ratings_after, '$.prepared') - json_extract(new.ratings_before, '$.prepared'), json_extract(new.ratings_after, '$.understood_options') - json_extract(new.ratings_before, '$.understood_options'), json_extract(new.ratings_after, '$.heard') - json_extract(new.ratings_before, '$.heard'), json_extract(new.ratings_after, '$.confidence') - json_extract(new.ratings_before, '$.confidence'), CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER meeting_facts_on_update AFTER UPDATE ON meetings
WHEN (new.type, new.provider_id, new.starts_at, new.status, new.who_spoke, new.mandatory_items, new.mandatory_done, new.ratings_before, new.ratings_after)
    IS NOT (old.type, old.provider_id, old.starts_at, old.status, old.who_spoke, old.mandatory_items, old.mandatory_done, old.ratings_before, old.ratings_after)
BEGIN 
    UPDATE meeting_facts SET replaced_at = max(new.updated_at, recorded_at + 1)
    WHERE organization_id = new.organization_id AND case_id = new.case_id AND replaced_at = 9223372036854775807 AND meeting_id = new.id;
    INSERT INTO meeting_facts (organization_id, team_id, replaced_at, meeting_id, recorded_at, case_id, client_id, type, provider_id, starts_at, status, who_spoke, mandatory_items, mandatory_done, prepared, understood_options, heard, confidence, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, coalesce((SELECT max(replaced_at) FROM meeting_facts
            WHERE organization_id = new.organization_id AND case_id = new.case_id AND meeting_id = new.id
                AND replaced_at < 9223372036854775807), new.updated_at), new.case_id, c.client_id, new.type, new.provider_id, new.starts_at, new.status, new.who_spoke, new.mandatory_items, new.mandatory_done, json_extract(new.ratings_after, '$.prepared') - json_extract(new.ratings_before, '$.prepared'), json_extract(new.ratings_after, '$.understood_options') - json_extract(new.ratings_before, '$.understood_options'), json_extract(new.ratings_after, '$.heard') - json_extract(new.ratings_before, '$.heard'), json_extract(new.ratings_after, '$.confidence') - json_extract(new.ratings_before, '$.confidence'), CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER task_facts_on_insert AFTER INSERT ON tasks BEGIN 
    INSERT INTO task_facts (organization_id, team_id, replaced_at, task_id, recorded_at, case_id, client_id, assignee_id, due_on, status, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, new.updated_at, new.case_id, c.client_id, new.assignee_id, CAST(julianday(new.due_on) - 2440587.5 AS INTEGER), new.status, CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER task_facts_on_update AFTER UPDATE ON tasks
WHEN (new.assignee_id, new.due_on, new.status)
    IS NOT (old.assignee_id, old.due_on, old.status)
BEGIN 
    UPDATE task_facts SET replaced_at = max(new.updated_at, recorded_at + 1)
    WHERE organization_id = new.organization_id AND case_id = new.case_id AND replaced_at = 9223372036854775807 AND task_id = new.id;
    INSERT INTO task_facts (organization_id, team_id, replaced_at, task_id, recorded_at, case_id, client_id, assignee_id, due_on, status, voided_at)
    SELECT new.organization_id, c.team_id, 9223372036854775807, new.id, coalesce((SELECT max(replaced_at) FROM task_facts
            WHERE organization_id = new.organization_id AND case_id = new.case_id AND task_id = new.id
                AND replaced_at < 9223372036854775807), new.updated_at), new.case_id, c.client_id, new.assignee_id, CAST(julianday(new.due_on) - 2440587.5 AS INTEGER), new.status, CASE WHEN c.status = 'entered_in_error' THEN c.updated_at ELSE 9223372036854775807 END
    FROM cases AS c WHERE c.organization_id = new.organization_id AND c.id = new.case_id;
 END;
CREATE TRIGGER case_facts_on_entered_in_error AFTER UPDATE OF status ON cases WHEN new.status = 'entered_in_error' AND old.status <> new.status BEGIN
    UPDATE case_facts SET voided_at = coalesce(new.kept_at, new.updated_at) WHERE organization_id = new.organization_id AND case_id = new.id;
    UPDATE barrier_facts SET voided_at = coalesce(new.kept_at, new.updated_at) WHERE organization_id = new.organization_id AND case_id = new.id;
    UPDATE action_facts SET voided_at = coalesce(new.kept_at, new.updated_at) WHERE organization_id = new.organization_id AND case_id = new.id;
    UPDATE deadline_facts SET voided_at = coalesce(new.kept_at, new.updated_at) WHERE organization_id = new.organization_id AND case_id = new.id;
    UPDATE meeting_facts SET voided_at = coalesce(new.kept_at, new.updated_at) WHERE organization_id = new.organization_id AND case_id = new.id;
    UPDATE task_facts SET voided_at = coalesce(new.kept_at, new.updated_at) WHERE organization_id = new.organization_id AND case_id = new.id;
END;
CREATE TRIGGER deadline_facts_on_action_type AFTER UPDATE OF type ON actions WHEN new.type <> old.type BEGIN 
    UPDATE deadline_facts SET replaced_at = max(new.updated_at, recorded_at + 1)
    WHERE organization_id = new.organization_id AND case_id = new.case_id AND replaced_at = 9223372036854775807 AND deadline_id IN (SELECT id FROM deadlines WHERE organization_id = new.organization_id AND action_id = new.id);
    INSERT INTO deadline_facts (organization_id, team_id, replaced_at, deadline_id, recorded_at, case_id, client_id, action_type, source, due_on, due_at, status, satisfied_on, late_filing, voided_at)
    SELECT f.organization_id, f.team_id, 9223372036854775807, f.deadline_id, f.replaced_at, f.case_id, f.client_id, new.type, f.source, f.due_on, f.due_at, f.status, f.satisfied_on, f.late_filing, f.voided_at
    FROM deadline_facts AS f
    WHERE f.organization_id = new.organization_id AND f.case_id = new.case_id AND f.deadline_id IN (SELECT id FROM deadlines WHERE organization_id = new.organization_id AND action_id = new.id)
        AND f.replaced_at = (SELECT max(l.replaced_at) FROM deadline_facts AS l WHERE l.organization_id = f.organization_id AND l.case_id = f.case_id AND l.deadline_id = f.deadline_id);
 END;
