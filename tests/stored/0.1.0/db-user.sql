BEGIN TRANSACTION;
CREATE TABLE d1_migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,
    sha256 TEXT
  );
INSERT INTO "d1_migrations" VALUES(1,'0001_profiles.sql','2026-11-30 16:15:50','eem8_1_grTkHiJO2LA1Hfx9v90xsW7Dizryw90Gdo64');
INSERT INTO "d1_migrations" VALUES(2,'0002_events.sql','2026-11-30 16:15:50','-A7SZQqGOtY3Xsldt-5cu0nofznEFK5LJzpTRu13i5A');
INSERT INTO "d1_migrations" VALUES(3,'0003_disabled_people.sql','2026-11-30 16:15:50','3bmzNH1A-U3KeVMdOOfssn44lS7Fq-4pjor6V7MiO1Q');
CREATE TABLE disabled_people (
  id TEXT PRIMARY KEY,
  disabled_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE ended_subjects (
  subject TEXT PRIMARY KEY,
  ended_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event_sequences (
  subject TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "event_sequences" VALUES('01a22d3e-4eec-7bda-b7ac-4906899a65ea',1);
CREATE TABLE event_versions (
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  aspect TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (source, subject, aspect)
) WITHOUT ROWID;
INSERT INTO "event_versions" VALUES('/auth','01a22d3d-c2e8-7459-8ce9-9812adcd3426','registration',1);
INSERT INTO "event_versions" VALUES('/auth','01a22d3d-d099-7699-9ffe-5de10868f85d','registration',1);
INSERT INTO "event_versions" VALUES('/auth','01a22d3d-d383-7bb8-83c6-262a91d83a2d','registration',1);
INSERT INTO "event_versions" VALUES('/auth','01a22d3e-4eec-7bda-b7ac-4906899a65ea','registration',1);
CREATE TABLE inbox (
  event_id TEXT PRIMARY KEY,
  received_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "inbox" VALUES('01a22d3d-c2f3-7b90-9353-82bce17d3371',1796055354866);
INSERT INTO "inbox" VALUES('01a22d3d-d099-7a12-b08e-4f5ae252e833',1796055355824);
INSERT INTO "inbox" VALUES('01a22d3d-d384-7882-b6ac-c4562dea2c1b',1796055356425);
INSERT INTO "inbox" VALUES('01a22d3e-4eec-74ff-8955-1497ea53aecf',1796055387936);
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  -- The CloudEvent as it is sent.
  event TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  published_at INTEGER,
  -- Until then one relay has it, and no other takes it.
  claimed_until INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL DEFAULT 0,
  -- Why QStash will never take it as it is: it waits for an operator.
  parked TEXT
);
INSERT INTO "outbox" VALUES('01a22d3e-6638-74a9-99b6-223afa922b3c','01a22d3e-4eec-7bda-b7ac-4906899a65ea',1,'{"specversion":"1.0","id":"01a22d3e-6638-74a9-99b6-223afa922b3c","source":"/user","type":"user.profile-changed","subject":"01a22d3e-4eec-7bda-b7ac-4906899a65ea","dataschema":"urn:edgepass:event:user.profile-changed:1","traceparent":"00-e3a3633d56ba430d9659fbcd3cb5719a-8229e07e2c1b2493-01","time":"2026-11-30T16:16:33.848Z","datacontenttype":"application/json","data":{"name":"Ada L."},"sequence":"00000000000000000001"}',1796055393848,1796055393965,1796055408872,1,0,NULL);
CREATE TABLE profiles (
  id TEXT PRIMARY KEY,
  -- Learned from auth; empty in a tombstone.
  name TEXT NOT NULL,
  headline TEXT,
  bio TEXT,
  avatar_url TEXT,
  locale TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  -- The account was about to be closed: whether it is, only auth knows.
  closing_at INTEGER,
  -- A tombstone: the row stays so that nobody learns the profile again.
  erased_at INTEGER
);
INSERT INTO "profiles" VALUES('01a22d3d-c2e8-7459-8ce9-9812adcd3426','Administrator',NULL,NULL,NULL,NULL,1,1796055352051,1796055352051,NULL,NULL);
INSERT INTO "profiles" VALUES('01a22d3d-d099-7699-9ffe-5de10868f85d','Demo Learner',NULL,NULL,NULL,NULL,1,1796055355545,1796055355545,NULL,NULL);
INSERT INTO "profiles" VALUES('01a22d3d-d383-7bb8-83c6-262a91d83a2d','Demo Instructor',NULL,NULL,NULL,NULL,1,1796055356292,1796055356292,NULL,NULL);
INSERT INTO "profiles" VALUES('01a22d3e-4eec-7bda-b7ac-4906899a65ea','Ada L.',NULL,NULL,NULL,NULL,2,1796055387884,1796055393814,NULL,NULL);
CREATE INDEX outbox_waiting ON outbox (created_at) WHERE published_at IS NULL AND parked IS NULL;
CREATE INDEX outbox_postponed ON outbox (next_attempt_at)
  WHERE published_at IS NULL AND parked IS NULL AND next_attempt_at > 0;
CREATE INDEX outbox_parked ON outbox (created_at) WHERE parked IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX outbox_subjects ON outbox (subject);
CREATE INDEX inbox_received ON inbox (received_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('d1_migrations',3);
COMMIT;
