/** The SQL files of each database, by the variable that names the database. */
export const migrations = {
  AUTH_DB: new URL("../services/auth/migrations/", import.meta.url),
  USER_DB: new URL("../services/user/migrations/", import.meta.url),
  COURSE_DB: new URL("../services/course/migrations/", import.meta.url),
  ENROLLMENT_DB: new URL("../services/enrollment/migrations/", import.meta.url),
  RECOMMENDATION_DB: new URL("../services/recommendation/migrations/", import.meta.url),
} as const satisfies Readonly<Record<string, URL>>;
