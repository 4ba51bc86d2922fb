-- What course tells of its courses. A table of its own, for the news may be here before the first
-- enrollment is, and one row serves every learner of a course.
CREATE TABLE courses (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) WITHOUT ROWID;

-- Stays when a completion is taken back, so that it is told once.
ALTER TABLE enrollments ADD COLUMN first_completed_at INTEGER;

UPDATE enrollments SET first_completed_at = completed_at;
