SET LOCAL lock_timeout TO '10s';
-- Which documents of an organization are in these segments and have the words: the newest of them. Row-level security cannot use an index over
-- the result of a function, so the function reads past it, for the organization of the transaction alone.
DROP FUNCTION search_in_segments(UUID, TEXT[], INT8);
CREATE FUNCTION search_in_segments(whose UUID, questions TEXT[], newest INT8) RETURNS TID[]
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
        any_of := any_of || format(' OR search_lexemes(own.words, own.segment) @@ %L::tsquery', question);
    END LOOP;
    -- OFFSET 0 keeps the organization apart from the words. Otherwise PostgreSQL takes an index of the organization beside that of the words, and
    -- reads an entry for every document of the organization: it overestimates the documents that have a word, and a recheck of each is expensive.
    EXECUTE 'SELECT array_agg(found.ctid) FROM (SELECT own.ctid FROM (
                 SELECT ctid, organization_id, number FROM search_documents AS own WHERE segment IS NOT NULL AND (' || any_of || ') OFFSET 0
             ) AS own WHERE own.organization_id = $1 ORDER BY own.number DESC LIMIT $2) AS found'
        INTO found USING whose, newest;
    RETURN COALESCE(found, '{}');
END $$;
REVOKE EXECUTE ON FUNCTION search_in_segments(UUID, TEXT[], INT8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_in_segments(UUID, TEXT[], INT8) TO alongside_app;
DO $$
BEGIN
    -- Nobody's temporary table is taken for one of the product's.
    EXECUTE format('ALTER FUNCTION search_in_segments(UUID, TEXT[], INT8) SET search_path TO %I, pg_temp', current_schema());
    -- Last: an owner who does not inherit from alongside_keeper may not change the grants afterwards.
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO alongside_keeper', current_schema());
    ALTER FUNCTION search_in_segments(UUID, TEXT[], INT8) OWNER TO alongside_keeper;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM alongside_keeper', current_schema());
END $$;
