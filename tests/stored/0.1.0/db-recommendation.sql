BEGIN TRANSACTION;
CREATE TABLE counted_enrollments (
  enrollment_id TEXT PRIMARY KEY,
  course_id TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "counted_enrollments" VALUES('01a22d3e-63f5-7f9c-ac16-4ba4d43ad9f4','01a22d3d-d9ae-745b-a85c-8b374c32333c');
CREATE TABLE courses (
  id TEXT PRIMARY KEY,
  -- NULL until course tells of the course; it is suggested to nobody before.
  title TEXT,
  -- Rows of counted_enrollments.
  learners INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO "courses" VALUES('01a22d3d-d77a-7563-bb28-b7367847d1a3','Sailing for beginners',0);
INSERT INTO "courses" VALUES('01a22d3d-d9ae-745b-a85c-8b374c32333c','Bread from four ingredients',1);
CREATE TABLE d1_migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,
    sha256 TEXT
  );
INSERT INTO "d1_migrations" VALUES(1,'0001_courses.sql','2026-11-30 16:15:50','1960pW1x0yro8qpu_x1Pfv8bxVPRn899vqhjmndjx4Q');
INSERT INTO "d1_migrations" VALUES(2,'0002_events.sql','2026-11-30 16:15:50','-A7SZQqGOtY3Xsldt-5cu0nofznEFK5LJzpTRu13i5A');
CREATE TABLE ended_subjects (
  subject TEXT PRIMARY KEY,
  ended_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event_sequences (
  subject TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event_versions (
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  aspect TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (source, subject, aspect)
) WITHOUT ROWID;
INSERT INTO "event_versions" VALUES('/course','01a22d3d-d77a-7563-bb28-b7367847d1a3','course',1);
INSERT INTO "event_versions" VALUES('/course','01a22d3d-d9ae-745b-a85c-8b374c32333c','course',1);
INSERT INTO "event_versions" VALUES('/enrollment','01a22d3e-63f5-7f9c-ac16-4ba4d43ad9f4','progress',1);
CREATE TABLE inbox (
  event_id TEXT PRIMARY KEY,
  received_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "inbox" VALUES('01a22d3d-d8e7-702d-ba86-b6e2b151840d',1796055357888);
INSERT INTO "inbox" VALUES('01a22d3d-da28-7d66-b677-8d83f367dd83',1796055358068);
INSERT INTO "inbox" VALUES('01a22d3e-63f6-78ea-9d9e-15a5aac40d13',1796055393513);
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
CREATE INDEX courses_by_learners ON courses (learners, id) WHERE title IS NOT NULL;
CREATE INDEX counted_enrollments_by_course ON counted_enrollments (course_id);
CREATE INDEX outbox_waiting ON outbox (created_at) WHERE published_at IS NULL AND parked IS NULL;
CREATE INDEX outbox_postponed ON outbox (next_attempt_at)
  WHERE published_at IS NULL AND parked IS NULL AND next_attempt_at > 0;
CREATE INDEX outbox_parked ON outbox (created_at) WHERE parked IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX outbox_subjects ON outbox (subject);
CREATE INDEX inbox_received ON inbox (received_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('d1_migrations',2);
COMMIT;
