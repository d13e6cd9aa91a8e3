-- Times are microseconds since 1970. What is sealed opens only with a key that was passed to New.
CREATE TABLE sunco_schema (version INTEGER NOT NULL, client_id TEXT NOT NULL, domain TEXT NOT NULL);

CREATE TABLE sunco_installations (
  app_id        TEXT PRIMARY KEY NOT NULL, -- or '~' and the generation: a token whose installation is not complete
  generation    TEXT NOT NULL,    -- of the token
  subdomain     TEXT NOT NULL,
  legacy_region TEXT NOT NULL,
  key_id        TEXT NOT NULL,    -- which key sealed it
  sealed        BLOB NOT NULL,    -- the token, and the webhooks with their secrets
  pending       TEXT NOT NULL,    -- '', 'install', 'removal' or 'revoke'
  suspect       INTEGER NOT NULL, -- the status that proves a removal if it is repeated; 0: none
  check_at      INTEGER NOT NULL, -- when Maintain looks at it; also Maintain's lease
  token_at      INTEGER NOT NULL, -- when the token was stored: the newest wins
  updated_at    INTEGER NOT NULL  -- when it was last known to be well
);
CREATE UNIQUE INDEX sunco_installations_generation ON sunco_installations (generation);
CREATE INDEX sunco_installations_check ON sunco_installations (check_at);
CREATE INDEX sunco_installations_pending ON sunco_installations (pending) WHERE pending <> '';

-- The SHA-256 of each webhook's secret.
CREATE TABLE sunco_webhook_keys (digest BLOB PRIMARY KEY NOT NULL, app_id TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX sunco_webhook_keys_app ON sunco_webhook_keys (app_id);

-- Flows and events that were seen: flows for 24 hours, events for 2.
CREATE TABLE sunco_seen (id BLOB PRIMARY KEY NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX sunco_seen_expires ON sunco_seen (expires_at);

-- One row for each conversation in which an event waits.
CREATE TABLE sunco_lanes (
  lane     BLOB PRIMARY KEY NOT NULL,
  waiting  INTEGER NOT NULL,      -- events
  run_at   INTEGER NOT NULL,      -- when the first of them may be handled; also the end of a lease
  lease    TEXT NOT NULL,         -- whose lease; '': nobody's
  attempts INTEGER NOT NULL       -- at the first of them, begun
) WITHOUT ROWID;
CREATE INDEX sunco_lanes_run ON sunco_lanes (run_at);

CREATE TABLE sunco_events (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  lane        BLOB NOT NULL,
  app_id      TEXT NOT NULL,
  key_id      TEXT NOT NULL,
  sealed      BLOB NOT NULL,
  dead        INTEGER NOT NULL DEFAULT 0, -- when it was given up; 0: it waits
  received_at INTEGER NOT NULL
);
CREATE INDEX sunco_events_lane ON sunco_events (lane, seq) WHERE dead = 0;

INSERT INTO sunco_schema (version, client_id, domain) VALUES (1, '', '');
