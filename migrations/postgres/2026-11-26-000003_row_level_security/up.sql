-- AZ-09: row-level security. The server works as alongside_app, which owns nothing, and sees in each table the rows of the organization that
-- its transaction is for (app.organization); without one it sees none. What belongs to no caller is done as alongside_keeper: the same,
-- and it may look through organizations, kept answers, documents and the heads of the chains. Both roles are the cluster's.
SET LOCAL lock_timeout TO '10s'; -- rather this, again, than every request behind it
DO $$
DECLARE
    role TEXT;
    person TEXT;
BEGIN
    FOREACH role IN ARRAY ARRAY['alongside_app', 'alongside_keeper'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of the cluster has just made it
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role('alongside_keeper', 'alongside_app', 'USAGE') THEN
        GRANT alongside_app TO alongside_keeper;
    END IF;
    FOREACH person IN ARRAY ARRAY[session_user::text, current_user::text] LOOP
        FOREACH role IN ARRAY ARRAY['alongside_app', 'alongside_keeper'] LOOP
            BEGIN
                EXECUTE format('SET LOCAL ROLE %I', role);
                RESET ROLE;
            EXCEPTION WHEN insufficient_privilege THEN
                EXECUTE format('GRANT %I TO %I', role, person);
            END;
        END LOOP;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'whoever migrates must be a member of alongside_app and alongside_keeper, or able to make them'
        USING HINT = format('A superuser may say: CREATE ROLE alongside_app; CREATE ROLE alongside_keeper; GRANT alongside_app TO alongside_keeper; GRANT alongside_app, alongside_keeper TO %I', session_user);
END $$;

DO $$
DECLARE
    name TEXT;
    own CONSTANT TEXT := $own$NULLIF(current_setting('app.organization', TRUE), '')::uuid$own$;
    organizations_own CONSTANT TEXT[] := ARRAY[
        'actions', 'assignments', 'audit_events', 'audit_heads', 'barriers', 'case_counters', 'case_episodes',
        'case_transitions', 'cases', 'clients', 'commitments', 'conflict_checks', 'deadline_rules', 'deadlines',
        'handovers', 'idempotency_keys', 'interests', 'meetings', 'note_amendments', 'notes', 'preparation_items',
        'preparation_templates', 'provider_merges', 'providers', 'refresh_tokens', 'search_documents',
        'search_shelves', 'search_words', 'service_merges', 'services', 'sessions', 'statements', 'tasks',
        'team_deputies', 'team_members', 'teams', 'timeline_entries', 'users'
    ];
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO alongside_app', current_schema());
    FOREACH name IN ARRAY organizations_own || ARRAY['organizations', 'login_names', 'sign_in_tries'] LOOP
        EXECUTE format('GRANT SELECT ON %I TO alongside_app', name);
        IF name NOT IN ('audit_events', 'audit_heads') THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO alongside_app', name);
        END IF;
    END LOOP;
    GRANT SELECT ON __diesel_schema_migrations TO alongside_app;
    -- LG-02: what is in the trace stays there.
    GRANT INSERT ON audit_events TO alongside_app;
    GRANT INSERT, UPDATE ON audit_heads TO alongside_app;

    -- Across organizations are the names that people sign in with, and what is counted of their tries.
    FOREACH name IN ARRAY organizations_own LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_organization ON %I TO alongside_app USING (organization_id = %s)', name, own);
    END LOOP;
    ALTER TABLE organizations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY own_organization ON organizations TO alongside_app USING (id = %s)', own);
END $$;

-- What housekeeping and the operator look through; whatever they change, they change in one organization.
CREATE POLICY all_organizations ON organizations FOR SELECT TO alongside_keeper USING (TRUE);
CREATE POLICY new_organizations ON organizations FOR INSERT TO alongside_keeper WITH CHECK (TRUE);
CREATE POLICY all_organizations ON idempotency_keys FOR SELECT TO alongside_keeper USING (TRUE);
CREATE POLICY old_answers ON idempotency_keys FOR DELETE TO alongside_keeper USING (TRUE);
CREATE POLICY all_organizations ON audit_heads FOR SELECT TO alongside_keeper USING (TRUE);
CREATE POLICY all_organizations ON search_documents FOR SELECT TO alongside_keeper USING (TRUE);

-- Which documents of an organization stand on shelves and have the words: the newest of them. An index over what a function makes is
-- used only by whom no policy keeps from the table's rows, lest the function tell of them: hence as alongside_keeper, and for nobody's
-- organization but the transaction's own.
CREATE FUNCTION search_on_shelves(whose UUID, questions TEXT[], newest INT8) RETURNS TID[]
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    found TID[];
    any_of TEXT := 'FALSE';
    question TEXT;
BEGIN
    IF whose IS DISTINCT FROM NULLIF(current_setting('app.organization', TRUE), '')::uuid THEN
        RETURN '{}';
    END IF;
    -- One by one: of one question about all of them, every part would be tried on every document.
    FOREACH question IN ARRAY questions LOOP
        any_of := any_of || format(' OR search_lexemes(own.words, own.shelf) @@ %L::tsquery', question);
    END LOOP;
    EXECUTE 'SELECT array_agg(found.ctid) FROM (SELECT own.ctid FROM search_documents AS own
             WHERE own.organization_id = $1 AND own.shelf IS NOT NULL AND (' || any_of || ') ORDER BY own.number DESC LIMIT $2) AS found'
        INTO found USING whose, newest;
    RETURN COALESCE(found, '{}');
END $$;
REVOKE EXECUTE ON FUNCTION search_on_shelves(UUID, TEXT[], INT8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_on_shelves(UUID, TEXT[], INT8) TO alongside_app;
DO $$
BEGIN
    -- Nobody's temporary table is taken for ours.
    EXECUTE format('ALTER FUNCTION search_on_shelves(UUID, TEXT[], INT8) SET search_path TO %I, pg_temp', current_schema());
    -- Last of all: whoever does not inherit what alongside_keeper may, may no more say who may ask it.
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO alongside_keeper', current_schema());
    ALTER FUNCTION search_on_shelves(UUID, TEXT[], INT8) OWNER TO alongside_keeper;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM alongside_keeper', current_schema());
END $$;
