/** Another number means tables that this code cannot read. */
export const schemaVersion = 2;

/**
 * The tables of the store.
 *
 * A row of `requests` is a trace; `is_request` is whether the gateway was seen to serve it. Spans
 * are stored in the order of their trace, so that reading or deleting a complete one touches few
 * pages. `source` and `target` are the hop that a span measures, and null in most: the map reads
 * nothing else. The text of a line, its message and the values of its fields, is stored once more
 * in lower case (`said`): a search through all of it has to be one comparison a line. `deliveries`
 * is what the local QStash did with the events between services, note by note.
 */
export const schema = `
CREATE TABLE requests (
  id INTEGER PRIMARY KEY,
  trace_id TEXT NOT NULL UNIQUE,
  time REAL NOT NULL,
  is_request INTEGER NOT NULL DEFAULT 0,
  has_span INTEGER NOT NULL DEFAULT 0,
  method TEXT,
  path TEXT,
  route TEXT,
  status INTEGER,
  code TEXT,
  duration_ms REAL,
  sub TEXT,
  issuer TEXT,
  services TEXT NOT NULL DEFAULT ','
) STRICT;
CREATE INDEX requests_by_time ON requests (is_request, time, id);

CREATE TABLE spans (
  request INTEGER NOT NULL,
  span_id TEXT NOT NULL,
  parent_id TEXT,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  service TEXT NOT NULL,
  start REAL NOT NULL,
  duration_ms REAL NOT NULL,
  status TEXT NOT NULL,
  attributes TEXT NOT NULL,
  events TEXT NOT NULL,
  links TEXT NOT NULL,
  source TEXT,
  target TEXT,
  has_failed INTEGER NOT NULL,
  PRIMARY KEY (request, span_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hops ON spans (start, source, target, duration_ms, has_failed)
  WHERE target IS NOT NULL;

CREATE TABLE lines (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  level TEXT NOT NULL,
  service TEXT NOT NULL,
  request INTEGER,
  span_id TEXT,
  message TEXT NOT NULL,
  fields TEXT NOT NULL,
  said TEXT NOT NULL
) STRICT;
CREATE INDEX lines_by_request ON lines (request) WHERE request IS NOT NULL;

CREATE TABLE exits (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  is_expected INTEGER NOT NULL,
  is_told INTEGER NOT NULL DEFAULT 0,
  exit TEXT NOT NULL
) STRICT;

CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  state TEXT NOT NULL,
  message_id TEXT NOT NULL,
  consumer TEXT NOT NULL,
  status INTEGER,
  outcome TEXT,
  next_at REAL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  source TEXT NOT NULL,
  stored_at REAL NOT NULL,
  trace_id TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_by_trace ON deliveries (trace_id);
CREATE INDEX deliveries_by_event ON deliveries (event_id);

PRAGMA user_version = ${schemaVersion};
`;
