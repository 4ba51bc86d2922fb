CREATE TABLE enrollments (
  id TEXT PRIMARY KEY,
  learner_id TEXT NOT NULL,
  course_id TEXT NOT NULL,
  -- Copies as of the last time course was asked, so that reading needs no call.
  course_title TEXT NOT NULL,
  lesson_ids TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  completed_at INTEGER,
  UNIQUE (learner_id, course_id)
);

CREATE INDEX enrollments_by_learner ON enrollments (learner_id, created_at, id);

CREATE TABLE completions (
  enrollment_id TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
  lesson_id TEXT NOT NULL,
  completed_at INTEGER NOT NULL,
  PRIMARY KEY (enrollment_id, lesson_id)
);
