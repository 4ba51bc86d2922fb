BEGIN TRANSACTION;
CREATE TABLE counted_enrollments (
  enrollment_id TEXT PRIMARY KEY,
  course_id TEXT NOT NULL,
  completed INTEGER NOT NULL CHECK (completed IN (0, 1))
) WITHOUT ROWID;
INSERT INTO "counted_enrollments" VALUES('01a22d3e-63f5-7f9c-ac16-4ba4d43ad9f4','01a22d3d-d9ae-745b-a85c-8b374c32333c',0);
CREATE TABLE courses (
  id TEXT PRIMARY KEY,
  instructor_id TEXT NOT NULL,
  -- A copy, taken when the course was made.
  instructor_name TEXT NOT NULL,
  title TEXT NOT NULL,
  summary TEXT NOT NULL,
  tags TEXT NOT NULL,
  -- Title and summary in lower case: SQLite's lower() knows ASCII only.
  search_text TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'published')),
  lesson_count INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  published_at INTEGER, learners INTEGER NOT NULL DEFAULT 0, completions INTEGER NOT NULL DEFAULT 0,
  CHECK ((state = 'published') = (published_at IS NOT NULL))
);
INSERT INTO "courses" VALUES('01a22d3d-d77a-7563-bb28-b7367847d1a3','01a22d3d-d383-7bb8-83c6-262a91d83a2d','Demo Instructor','Sailing for beginners','Knots, wind, and the way home: everything for a first season on a small lake.','["sailing","outdoors"]','sailing for beginners
knots, wind, and the way home: everything for a first season on a small lake.','published',3,5,1796055357306,1796055357664,1796055357664,0,0);
INSERT INTO "courses" VALUES('01a22d3d-d9ae-745b-a85c-8b374c32333c','01a22d3d-d383-7bb8-83c6-262a91d83a2d','Demo Instructor','Bread from four ingredients','Flour, water, salt, time. One dough, and what becomes of it.','["baking"]','bread from four ingredients
flour, water, salt, time. one dough, and what becomes of it.','published',2,4,1796055357870,1796055357992,1796055357992,1,0);
INSERT INTO "courses" VALUES('01a22d3d-da81-74d3-934a-4e915e94359a','01a22d3d-d383-7bb8-83c6-262a91d83a2d','Demo Instructor','Reading the night sky','Still being written: five constellations that lead to all others.','["astronomy","outdoors"]','reading the night sky
still being written: five constellations that lead to all others.','draft',1,2,1796055358081,1796055358142,NULL,0,0);
INSERT INTO "courses" VALUES('01a22d3e-67f8-761b-a669-a042a95d7d9e','01a22d3d-d383-7bb8-83c6-262a91d83a2d','Demo Instructor','Knots of 0.1.0','A draft','[]','knots of 0.1.0
a draft','draft',0,1,1796055394296,1796055394296,NULL,0,0);
CREATE TABLE d1_migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,
    sha256 TEXT
  );
INSERT INTO "d1_migrations" VALUES(1,'0001_courses.sql','2026-11-30 16:15:50','6CnURKu0CGzt57MOmzS0A_-UMfizyl_hnIodS5nsUN8');
INSERT INTO "d1_migrations" VALUES(2,'0002_idempotency.sql','2026-11-30 16:15:50','oTOpR_aBD1_tBM89WRTQFn7sM8mQCPPE61_EQQLebw8');
INSERT INTO "d1_migrations" VALUES(3,'0003_events.sql','2026-11-30 16:15:50','-A7SZQqGOtY3Xsldt-5cu0nofznEFK5LJzpTRu13i5A');
INSERT INTO "d1_migrations" VALUES(4,'0004_instructors_and_learners.sql','2026-11-30 16:15:50','1Bw_8VsMgQCyiA-N7v5agKpOfC8VY2E40bymeQltDm8');
INSERT INTO "d1_migrations" VALUES(5,'0005_counted_enrollments.sql','2026-11-30 16:15:50','7ZOTVgBVkCSfUbMZRNuyvz5s4YU7ZZZdiy6LhkjxHx4');
CREATE TABLE ended_subjects (
  subject TEXT PRIMARY KEY,
  ended_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event_sequences (
  subject TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "event_sequences" VALUES('01a22d3d-d77a-7563-bb28-b7367847d1a3',1);
INSERT INTO "event_sequences" VALUES('01a22d3d-d9ae-745b-a85c-8b374c32333c',1);
CREATE TABLE event_versions (
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  aspect TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (source, subject, aspect)
) WITHOUT ROWID;
INSERT INTO "event_versions" VALUES('/auth','01a22d3d-d383-7bb8-83c6-262a91d83a2d','roles',2);
INSERT INTO "event_versions" VALUES('/enrollment','01a22d3e-63f5-7f9c-ac16-4ba4d43ad9f4','progress',1);
INSERT INTO "event_versions" VALUES('/user','01a22d3e-4eec-7bda-b7ac-4906899a65ea','profile',1);
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
INSERT INTO "inbox" VALUES('01a22d3d-d477-7f23-833a-0fd6f0e6ca3d',1796055356655);
INSERT INTO "inbox" VALUES('01a22d3e-63f6-78ea-9d9e-15a5aac40d13',1796055393553);
INSERT INTO "inbox" VALUES('01a22d3e-6638-74a9-99b6-223afa922b3c',1796055394074);
CREATE TABLE instructors (
  id TEXT PRIMARY KEY,
  -- NULL until user tells of another name than the one a course was made under.
  name TEXT,
  -- NULL until auth tells of other roles than the ones a course was made with.
  teaches INTEGER CHECK (teaches IN (0, 1)),
  disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1))
) WITHOUT ROWID;
INSERT INTO "instructors" VALUES('01a22d3d-d383-7bb8-83c6-262a91d83a2d',NULL,1,0);
CREATE TABLE lessons (
  id TEXT PRIMARY KEY,
  course_id TEXT NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  title TEXT NOT NULL,
  content TEXT NOT NULL
);
INSERT INTO "lessons" VALUES('01a22d3d-d7c4-7efd-9e93-002d00a02e0c','01a22d3d-d77a-7563-bb28-b7367847d1a3',1,'The bowline','The rabbit comes out of its hole, goes round the tree, and back into the hole.');
INSERT INTO "lessons" VALUES('01a22d3d-d7ec-7821-a31c-de2c754029eb','01a22d3d-d77a-7563-bb28-b7367847d1a3',2,'Where the wind comes from','Turn your face until both ears hear the same. That is where the wind is.');
INSERT INTO "lessons" VALUES('01a22d3d-d82c-7bb9-8018-999f30dfb01d','01a22d3d-d77a-7563-bb28-b7367847d1a3',3,'Coming back to the jetty','Approach against the wind, slower than you think you have to.');
INSERT INTO "lessons" VALUES('01a22d3d-d9e4-7654-8d90-f1e53922745e','01a22d3d-d9ae-745b-a85c-8b374c32333c',1,'Weighing','Water is counted in percent of the flour: 700 g on 1000 g is a dough of 70 %.');
INSERT INTO "lessons" VALUES('01a22d3d-da11-7b5c-b703-1015332e91b6','01a22d3d-d9ae-745b-a85c-8b374c32333c',2,'Folding instead of kneading','Four folds, half an hour apart, do what ten minutes of kneading do.');
INSERT INTO "lessons" VALUES('01a22d3d-dabb-7185-82ab-5e45388848b0','01a22d3d-da81-74d3-934a-4e915e94359a',1,'The plough','Five times the distance of its two last stars is Polaris.');
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
INSERT INTO "outbox" VALUES('01a22d3d-d8e7-702d-ba86-b6e2b151840d','01a22d3d-d77a-7563-bb28-b7367847d1a3',1,'{"specversion":"1.0","id":"01a22d3d-d8e7-702d-ba86-b6e2b151840d","source":"/course","type":"course.published","subject":"01a22d3d-d77a-7563-bb28-b7367847d1a3","dataschema":"urn:edgepass:event:course.published:1","traceparent":"00-cf513621eb2b0c85e5713db505b0f378-dd92da7660f5438e-01","time":"2026-11-30T16:15:57.671Z","datacontenttype":"application/json","data":{"title":"Sailing for beginners"},"sequence":"00000000000000000001"}',1796055357671,1796055357752,1796055372688,1,0,NULL);
INSERT INTO "outbox" VALUES('01a22d3d-da28-7d66-b677-8d83f367dd83','01a22d3d-d9ae-745b-a85c-8b374c32333c',1,'{"specversion":"1.0","id":"01a22d3d-da28-7d66-b677-8d83f367dd83","source":"/course","type":"course.published","subject":"01a22d3d-d9ae-745b-a85c-8b374c32333c","dataschema":"urn:edgepass:event:course.published:1","traceparent":"00-aeba95c4aacd9c8f89d51f4add13cef4-dcb6464ebfe6e0ec-01","time":"2026-11-30T16:15:57.992Z","datacontenttype":"application/json","data":{"title":"Bread from four ingredients"},"sequence":"00000000000000000001"}',1796055357992,1796055358023,1796055372993,1,0,NULL);
CREATE INDEX courses_by_publication ON courses (state, published_at, id);
CREATE INDEX courses_by_instructor ON courses (instructor_id, created_at, id);
CREATE INDEX lessons_by_course ON lessons (course_id, position);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
CREATE INDEX outbox_waiting ON outbox (created_at) WHERE published_at IS NULL AND parked IS NULL;
CREATE INDEX outbox_postponed ON outbox (next_attempt_at)
  WHERE published_at IS NULL AND parked IS NULL AND next_attempt_at > 0;
CREATE INDEX outbox_parked ON outbox (created_at) WHERE parked IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX outbox_subjects ON outbox (subject);
CREATE INDEX inbox_received ON inbox (received_at);
CREATE INDEX counted_enrollments_by_course ON counted_enrollments (course_id, completed);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('d1_migrations',5);
COMMIT;
