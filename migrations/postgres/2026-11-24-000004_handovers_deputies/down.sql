DROP TABLE handovers;
DROP TABLE team_deputies;
