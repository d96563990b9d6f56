DROP INDEX clients_by_team;
DROP TABLE search_documents;
DROP TABLE search_fts;
DROP TABLE search_shelves;
