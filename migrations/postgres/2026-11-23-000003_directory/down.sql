DROP TABLE preparation_templates;
DROP TABLE services;
DROP TABLE providers;
