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
  published_at INTEGER,
  CHECK ((state = 'published') = (published_at IS NOT NULL))
);

CREATE INDEX courses_by_publication ON courses (state, published_at, id);
CREATE INDEX courses_by_instructor ON courses (instructor_id, created_at, id);

CREATE TABLE lessons (
  id TEXT PRIMARY KEY,
  course_id TEXT NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  title TEXT NOT NULL,
  content TEXT NOT NULL
);

CREATE INDEX lessons_by_course ON lessons (course_id, position);
