-- How many enrollments there ever were, and how many of them came to the end; enrollment tells.
ALTER TABLE courses ADD COLUMN learners INTEGER NOT NULL DEFAULT 0;
ALTER TABLE courses ADD COLUMN completions INTEGER NOT NULL DEFAULT 0;

-- What auth and user tell of people who teach. A table of its own, for the news may be here before
-- the first course is.
CREATE TABLE instructors (
  id TEXT PRIMARY KEY,
  -- NULL until user tells of another name than the one a course was made under.
  name TEXT,
  -- NULL until auth tells of other roles than the ones a course was made with.
  teaches INTEGER CHECK (teaches IN (0, 1)),
  disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1))
) WITHOUT ROWID;

INSERT INTO instructors (id) SELECT DISTINCT instructor_id FROM courses;
