-- What course and enrollment tell of courses. News of learners may be here before the title is.
CREATE TABLE courses (
  id TEXT PRIMARY KEY,
  -- NULL until course tells of the course; it is suggested to nobody before.
  title TEXT,
  -- Rows of counted_enrollments.
  learners INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX courses_by_learners ON courses (learners, id) WHERE title IS NOT NULL;

-- One row an enrollment, so that each counts once, and can be taken back. Whose it is, is not here.
CREATE TABLE counted_enrollments (
  enrollment_id TEXT PRIMARY KEY,
  course_id TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX counted_enrollments_by_course ON counted_enrollments (course_id);
