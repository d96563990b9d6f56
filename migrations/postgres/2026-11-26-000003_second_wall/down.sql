-- The roles stay: another database of the cluster may have them.
DROP FUNCTION search_on_shelves(UUID, TEXT[], INT8);
DO $$
DECLARE
    name TEXT;
BEGIN
    FOR name IN SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'all_organizations' LOOP
        EXECUTE format('DROP POLICY all_organizations ON %I', name);
    END LOOP;
    FOR name IN SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'own_organization' LOOP
        EXECUTE format('DROP POLICY own_organization ON %I', name);
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', name);
    END LOOP;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('REVOKE ALL ON %I FROM alongside_app', name);
    END LOOP;
END $$;
