-- The enrollments behind a course's counts, so that one that is told again is not counted again, and
-- one that ends is taken off. It says nothing of who learns.
--
-- What was counted before has no rows, for course knows of it no more than how many there were: those
-- counts stay on show until enrollment next speaks of the course. `deno task events:verify --repair`
-- has it speak of all of them.
CREATE TABLE counted_enrollments (
  enrollment_id TEXT PRIMARY KEY,
  course_id TEXT NOT NULL,
  completed INTEGER NOT NULL CHECK (completed IN (0, 1))
) WITHOUT ROWID;

CREATE INDEX counted_enrollments_by_course ON counted_enrollments (course_id, completed);
