-- Another server must not add words while they are copied.
LOCK TABLE search_words IN SHARE ROW EXCLUSIVE MODE;
-- By team: whether another team uses a word must not be told even by how long a search takes.
CREATE TABLE search_words_by_team (
    organization_id  UUID NOT NULL,
    team_id          UUID NOT NULL,
    term             TEXT NOT NULL COLLATE "C",
    shelf            INT8 NOT NULL,
    PRIMARY KEY (organization_id, team_id, term, shelf)
);
INSERT INTO search_words_by_team
SELECT w.organization_id, s.team_id, w.term, w.shelf
  FROM search_words w JOIN search_shelves s ON s.organization_id = w.organization_id AND s.id = w.shelf;
DROP TABLE search_words;
ALTER TABLE search_words_by_team RENAME TO search_words;
ALTER INDEX search_words_by_team_pkey RENAME TO search_words_pkey;
-- Not known to the planner, it would be gone through for each shelf.
ANALYZE search_words;
