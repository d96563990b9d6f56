-- The roles stay: another database of the cluster may have them.
DROP FUNCTION search_on_shelves(UUID, TEXT[], INT8);
DO $$
DECLARE
    policy RECORD;
BEGIN
    FOR policy IN SELECT tablename, policyname, roles FROM pg_policies WHERE schemaname = current_schema() LOOP
        EXECUTE format('DROP POLICY %I ON %I', policy.policyname, policy.tablename);
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', policy.tablename);
    END LOOP;
    FOR policy IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('REVOKE ALL ON %I FROM alongside_app', policy.tablename);
    END LOOP;
END $$;
