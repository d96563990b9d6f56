DROP INDEX clients_by_team;
DROP TABLE search_documents;
DROP FUNCTION search_lexemes;
DROP TABLE search_shelves;
