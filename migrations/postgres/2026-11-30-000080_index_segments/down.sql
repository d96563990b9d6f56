DROP FUNCTION search_in_segments(UUID, TEXT[], INT8);
ALTER TABLE search_segments RENAME TO search_shelves;
ALTER INDEX search_segments_by_team RENAME TO search_shelves_by_team;
ALTER TABLE search_documents RENAME COLUMN segment TO shelf;
ALTER TABLE search_words RENAME COLUMN segment TO shelf;
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
    -- One condition for each segment: of one condition over all of them, every part would be tried on every document.
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
    -- Nobody's temporary table is taken for one of the product's.
    EXECUTE format('ALTER FUNCTION search_on_shelves(UUID, TEXT[], INT8) SET search_path TO %I, pg_temp', current_schema());
    -- Last: an owner who does not inherit from alongside_keeper may not change the grants afterwards.
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO alongside_keeper', current_schema());
    ALTER FUNCTION search_on_shelves(UUID, TEXT[], INT8) OWNER TO alongside_keeper;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM alongside_keeper', current_schema());
END $$;

ALTER TABLE search_shelves ADD CONSTRAINT search_shelves_kind_check CHECK (kind IN ('client', 'case', 'barrier', 'meeting', 'note'));
ALTER TABLE search_documents ADD CONSTRAINT search_documents_kind_check CHECK (kind IN ('client', 'case', 'barrier', 'meeting', 'note'));
ALTER TABLE access_log ADD CONSTRAINT access_log_kind_check CHECK (kind IN ('client', 'statement', 'case', 'assignment', 'handover', 'break_glass', 'conflict_check', 'barrier', 'action', 'deadline', 'note', 'task', 'meeting', 'preparation_item', 'commitment', 'feedback'));
