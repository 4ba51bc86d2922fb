BEGIN TRANSACTION;
CREATE TABLE completions (
  enrollment_id TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
  lesson_id TEXT NOT NULL,
  completed_at INTEGER NOT NULL,
  PRIMARY KEY (enrollment_id, lesson_id)
);
CREATE TABLE courses (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) WITHOUT ROWID;
INSERT INTO "courses" VALUES('01a22d3d-d77a-7563-bb28-b7367847d1a3','Sailing for beginners',0);
INSERT INTO "courses" VALUES('01a22d3d-d9ae-745b-a85c-8b374c32333c','Bread from four ingredients',0);
CREATE TABLE d1_migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,
    sha256 TEXT
  );
INSERT INTO "d1_migrations" VALUES(1,'0001_enrollments.sql','2026-11-30 16:15:50','5exxz0WnCAngzWiegwTGyy9BiO-8rKsRajhOLUppV8A');
INSERT INTO "d1_migrations" VALUES(2,'0002_idempotency.sql','2026-11-30 16:15:50','oTOpR_aBD1_tBM89WRTQFn7sM8mQCPPE61_EQQLebw8');
INSERT INTO "d1_migrations" VALUES(3,'0003_events.sql','2026-11-30 16:15:50','-A7SZQqGOtY3Xsldt-5cu0nofznEFK5LJzpTRu13i5A');
INSERT INTO "d1_migrations" VALUES(4,'0004_courses.sql','2026-11-30 16:15:50','81ey-XULhlgagxFDyMmnU-B6yN_3cY26Xr0vlAM7S4I');
CREATE TABLE ended_subjects (
  subject TEXT PRIMARY KEY,
  ended_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE enrollments (
  id TEXT PRIMARY KEY,
  learner_id TEXT NOT NULL,
  course_id TEXT NOT NULL,
  -- Copies as of the last time course was asked, so that reading needs no call.
  course_title TEXT NOT NULL,
  lesson_ids TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  completed_at INTEGER, first_completed_at INTEGER,
  UNIQUE (learner_id, course_id)
);
INSERT INTO "enrollments" VALUES('01a22d3e-63f5-7f9c-ac16-4ba4d43ad9f4','01a22d3e-4eec-7bda-b7ac-4906899a65ea','01a22d3d-d9ae-745b-a85c-8b374c32333c','Bread from four ingredients','["01a22d3d-d9e4-7654-8d90-f1e53922745e","01a22d3d-da11-7b5c-b703-1015332e91b6"]',1,1796055393269,NULL,NULL);
CREATE TABLE event_sequences (
  subject TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "event_sequences" VALUES('01a22d3e-63f5-7f9c-ac16-4ba4d43ad9f4',1);
CREATE TABLE event_versions (
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  aspect TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (source, subject, aspect)
) WITHOUT ROWID;
INSERT INTO "event_versions" VALUES('/course','01a22d3d-d77a-7563-bb28-b7367847d1a3','course',1);
INSERT INTO "event_versions" VALUES('/course','01a22d3d-d9ae-745b-a85c-8b374c32333c','course',1);
CREATE TABLE idempotency_keys (
  key TEXT PRIMARY KEY NOT NULL,
  body_hash TEXT NOT NULL,
  body TEXT,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE inbox (
  event_id TEXT PRIMARY KEY,
  received_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "inbox" VALUES('01a22d3d-d8e7-702d-ba86-b6e2b151840d',1796055357857);
INSERT INTO "inbox" VALUES('01a22d3d-da28-7d66-b677-8d83f367dd83',1796055358055);
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
INSERT INTO "outbox" VALUES('01a22d3e-63f6-78ea-9d9e-15a5aac40d13','01a22d3e-63f5-7f9c-ac16-4ba4d43ad9f4',1,'{"specversion":"1.0","id":"01a22d3e-63f6-78ea-9d9e-15a5aac40d13","source":"/enrollment","type":"enrollment.created","subject":"01a22d3e-63f5-7f9c-ac16-4ba4d43ad9f4","dataschema":"urn:edgepass:event:enrollment.created:1","traceparent":"00-da593a61a0519c20e031a4007ecfbc4f-c6a711f26ca0bda6-01","time":"2026-11-30T16:16:33.270Z","datacontenttype":"application/json","data":{"courseId":"01a22d3d-d9ae-745b-a85c-8b374c32333c"},"sequence":"00000000000000000001"}',1796055393270,1796055393388,1796055408293,1,0,NULL);
CREATE INDEX enrollments_by_learner ON enrollments (learner_id, created_at, id);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
CREATE INDEX outbox_waiting ON outbox (created_at) WHERE published_at IS NULL AND parked IS NULL;
CREATE INDEX outbox_postponed ON outbox (next_attempt_at)
  WHERE published_at IS NULL AND parked IS NULL AND next_attempt_at > 0;
CREATE INDEX outbox_parked ON outbox (created_at) WHERE parked IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX outbox_subjects ON outbox (subject);
CREATE INDEX inbox_received ON inbox (received_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('d1_migrations',4);
COMMIT;
