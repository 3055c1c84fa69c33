-- What crabbox wrote with schema 2: each claim the work of a real command.
CREATE TABLE claims (
        id         TEXT PRIMARY KEY,
        slug       TEXT NOT NULL,
        state      TEXT NOT NULL,
        revision   INTEGER NOT NULL,
        provider   TEXT NOT NULL,
        repository TEXT NOT NULL,
        updated    TEXT NOT NULL,
        record     TEXT NOT NULL
    , created INTEGER, used INTEGER, ends INTEGER, keep INTEGER, run TEXT, resource_name TEXT, resource_id TEXT, trouble TEXT) STRICT;
INSERT INTO "claims" VALUES('cbx_9fc7c818378a','mauve-oyster','parked',7,'local','/home/ann/project','2026-11-26T02:57:35.366779494Z','{"id":"cbx_9fc7c818378a","slug":"mauve-oyster","revision":7,"provider":"local","provider_version":"0.1.0","name":"","ending":"park","keep":false,"repository":"/home/ann/project","profile":"1:6e46dd10defc9b56","created":"2026-11-26T02:57:35.322481465Z","updated":"2026-11-26T02:57:35.366779494Z","used":"2026-11-26T02:57:35.32647801Z","deadline":null,"stays_until":null,"run":{"id":"run_4d5840bbe512","over":true},"trouble":null,"stage":{"state":"parked","owned":{"name":"cbx_9fc7c818378a","id":"4c3e343ba474dc66e33372e9d1c15264","scope":{"deployment":"/home/ann/.local/share/crabbox/local (0e70891bc8261d0c8a1a7ee84e75b975) on machine 00000000000000000000000000000abc","account":"0"},"attributes":{}},"since":"2026-11-26T02:57:35.366779494Z"}}',1795661855322,1795661855326,NULL,0,'run_4d5840bbe512','cbx_9fc7c818378a','4c3e343ba474dc66e33372e9d1c15264',NULL);
INSERT INTO "claims" VALUES('cbx_aa00620915b6','lilac-narwhal','ready',6,'local','/home/ann/project','2026-11-26T02:57:35.406191759Z','{"id":"cbx_aa00620915b6","slug":"lilac-narwhal","revision":6,"provider":"local","provider_version":"0.1.0","name":"","ending":"park","keep":true,"repository":"/home/ann/project","profile":"1:6e46dd10defc9b56","created":"2026-11-26T02:57:35.386846606Z","updated":"2026-11-26T02:57:35.406191759Z","used":"2026-11-26T02:57:35.406191759Z","deadline":{"wall":"2026-11-26T10:57:35.387618124Z","since_boot":{"boot":"00000000-0000-4000-8000-000000000def","ms":63815143}},"stays_until":null,"run":{"id":"run_c5aea02303fd","over":true},"trouble":null,"stage":{"state":"ready","owned":{"name":"cbx_aa00620915b6","id":"8d431c15eabd8bbdd91a9c1b36b266af","scope":{"deployment":"/home/ann/.local/share/crabbox/local (0e70891bc8261d0c8a1a7ee84e75b975) on machine 00000000000000000000000000000abc","account":"0"},"attributes":{}},"way":{"endpoint":{"transport":{"kind":"exec","prefix":[]},"work_root":"/home/ann/.local/share/crabbox/local/cbx_aa00620915b6","same_machine":true},"identity":{"kind":"file","path":"/home/ann/.local/share/crabbox/local/cbx_aa00620915b6/.crabbox/id","content":"8d431c15eabd8bbdd91a9c1b36b266af"},"machine":{"machine_id":"00000000000000000000000000000abc","boot_id":"00000000-0000-4000-8000-000000000def"},"marker":"e46bf8b1e4b5560392bb4c1265b457f698ca412b3d181eade1b907a814f0b200"},"idle_until":{"wall":"2026-11-26T03:27:35.406188885Z","since_boot":{"boot":"00000000-0000-4000-8000-000000000def","ms":36815162}}}}',1795661855386,1795661855406,1795663655406,1,'run_c5aea02303fd','cbx_aa00620915b6','8d431c15eabd8bbdd91a9c1b36b266af',NULL);
INSERT INTO "claims" VALUES('cbx_e15223c8b72f','coral-tern','released',9,'local','/home/ann/project','2026-11-26T02:57:35.738877316Z','{"id":"cbx_e15223c8b72f","slug":"coral-tern","revision":9,"provider":"local","provider_version":"0.1.0","name":"","ending":"delete","keep":false,"repository":"/home/ann/project","profile":"1:6e46dd10defc9b56","created":"2026-11-26T02:57:35.419780755Z","updated":"2026-11-26T02:57:35.738877316Z","used":"2026-11-26T02:57:35.422813086Z","deadline":null,"stays_until":null,"run":{"id":"run_1270b1329319","over":true},"trouble":null,"stage":{"state":"released","made":{"name":"cbx_e15223c8b72f","id":"cae88df19759c2f5895be4852a629ac9","scope":{"deployment":"/home/ann/.local/share/crabbox/local (0e70891bc8261d0c8a1a7ee84e75b975) on machine 00000000000000000000000000000abc","account":"0"},"attributes":{},"asked":null}}}',1795661855419,1795661855422,NULL,0,'run_1270b1329319','cbx_e15223c8b72f','cae88df19759c2f5895be4852a629ac9',NULL);
CREATE UNIQUE INDEX live_slugs ON claims (slug) WHERE state NOT IN ('released', 'lost');
CREATE INDEX by_repository ON claims (repository, provider, state);
CREATE INDEX by_slug ON claims (slug);
CREATE INDEX by_run ON claims (run);
CREATE INDEX by_resource_name ON claims (resource_name);
CREATE INDEX by_resource_id ON claims (resource_id);
CREATE INDEX by_use ON claims (used);
CREATE INDEX listing ON claims (used DESC, id, slug, state, provider, repository, created, ends,
        keep, run, resource_name, trouble) WHERE state NOT IN ('released', 'lost');
PRAGMA user_version = 2;
