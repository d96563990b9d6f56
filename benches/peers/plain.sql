-- The rows of the product in plain tables, for the peers of benches/peers.sh, in a schema of their own: no organization, no row-level security, and
-- the indexes and views that the workloads ask for.
\set ON_ERROR_STOP on
CREATE SCHEMA plain;
SET search_path = plain;
SET maintenance_work_mem = '256MB';
CREATE TABLE cases AS SELECT * FROM public.cases WHERE status <> 'entered_in_error';
CREATE TABLE barriers AS SELECT barriers.* FROM public.barriers JOIN cases ON cases.id = barriers.case_id;
CREATE TABLE meetings AS SELECT * FROM public.meetings;
CREATE TABLE notes AS SELECT *, to_tsvector('simple', body) AS words FROM public.notes;
CREATE TABLE clients AS SELECT id, preferred_name FROM public.clients;
CREATE TABLE providers AS SELECT id, name FROM public.providers;
CREATE TABLE users AS SELECT id, email, display_name, password_hash FROM public.users;

ALTER TABLE cases DROP COLUMN organization_id, ADD PRIMARY KEY (id), ADD UNIQUE (case_number), ALTER client_id SET NOT NULL,
    ALTER id SET DEFAULT gen_random_uuid(), ALTER instruction SET DEFAULT 'instructed', ALTER status SET DEFAULT 'referred',
    ALTER priority SET DEFAULT 'routine', ALTER tags SET DEFAULT '[]', ALTER opened_at SET DEFAULT now(), ALTER undisposed_barriers SET DEFAULT 0,
    ALTER open_deadlines SET DEFAULT 0, ALTER episode SET DEFAULT 1, ALTER version SET DEFAULT 1, ALTER created_at SET DEFAULT now(),
    ALTER updated_at SET DEFAULT now();
CREATE SEQUENCE case_numbers;
ALTER TABLE cases ALTER case_number SET DEFAULT 'N-' || nextval('plain.case_numbers');
CREATE INDEX ON cases (status, opened_at DESC, id DESC);
CREATE INDEX ON cases (client_id);
CREATE INDEX ON cases (lead_advocate_id, priority) WHERE status IN ('accepted', 'active', 'on_hold', 'closing');
ALTER TABLE barriers DROP COLUMN organization_id, ADD PRIMARY KEY (id);
CREATE INDEX ON barriers (case_id);
CREATE INDEX ON barriers (severity, provider_id) WHERE status NOT IN ('resolved', 'closed_unresolved');
ALTER TABLE meetings DROP COLUMN organization_id, ADD PRIMARY KEY (id);
CREATE INDEX ON meetings (case_id);
ALTER TABLE notes DROP COLUMN organization_id, ADD PRIMARY KEY (id);
CREATE INDEX ON notes (case_id);
CREATE INDEX ON notes (occurred_at DESC);
CREATE INDEX ON notes USING gin (words);
-- So that rare words are counted: else the planner looks for them along notes (occurred_at).
ALTER TABLE notes ALTER words SET STATISTICS 1000;
ALTER TABLE clients ADD PRIMARY KEY (id);
ALTER TABLE providers ADD PRIMARY KEY (id);
ALTER TABLE users ADD PRIMARY KEY (id), ADD UNIQUE (email);
ALTER TABLE cases ADD FOREIGN KEY (client_id) REFERENCES clients (id);

CREATE VIEW open_barriers AS
    SELECT counted.*, providers.name AS provider
    FROM (SELECT severity, provider_id, count(*) AS open FROM barriers WHERE status NOT IN ('resolved', 'closed_unresolved') GROUP BY 1, 2) AS counted
    LEFT JOIN providers ON providers.id = counted.provider_id;
CREATE VIEW caseload AS
    SELECT counted.*, users.display_name AS advocate
    FROM (SELECT lead_advocate_id, count(*) AS cases, sum(CASE priority WHEN 'urgent' THEN 3 WHEN 'high' THEN 2 ELSE 1 END) AS weighted
          FROM cases WHERE status IN ('accepted', 'active', 'on_hold', 'closing') GROUP BY 1) AS counted
    LEFT JOIN users ON users.id = counted.lead_advocate_id;
CREATE VIEW open_barrier_rows AS
    SELECT case_number, preferred_name AS client, type, service_type, severity, providers.name AS provider, display_name AS advocate, barriers.id
    FROM barriers JOIN cases ON cases.id = case_id JOIN clients ON clients.id = client_id
    LEFT JOIN providers ON providers.id = provider_id LEFT JOIN users ON users.id = lead_advocate_id
    WHERE barriers.status NOT IN ('resolved', 'closed_unresolved');
VACUUM ANALYZE;
