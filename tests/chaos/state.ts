import { type Columns, openReadOnly } from "./audit.ts";
import { forEach, type ServiceName, services } from "./system.ts";

/** Rows of a table by one of their columns. */
export type Table = ReadonlyMap<string, Columns>;

/** The stored state of the services, read directly. */
export interface State {
  readonly accounts: Table;
  readonly profiles: Table;
  readonly disabledPeople: Table;
  readonly courses: Table;
  readonly instructors: Table;
  /** Course's table: the enrollments behind its counts. */
  readonly countedEnrollments: Table;
  readonly enrollments: Table;
  /** Enrollment's projection of courses. */
  readonly knownCourses: Table;
  /** Enrollment and lesson in one string. */
  readonly completions: ReadonlySet<string>;
}

/** Reads the state of a drained system. */
export function readState(databases: Readonly<Record<ServiceName, string>>): State {
  using resources = new DisposableStack();
  const readers = forEach(services, (name) => resources.use(openReadOnly(databases[name])));
  const table = (service: ServiceName, name: string, key = "id"): Table =>
    new Map(readers[service].all(`SELECT * FROM ${name}`).map((row) => [String(row[key]), row]));
  const completions = readers.enrollment.all("SELECT * FROM completions");
  return {
    accounts: table("auth", "accounts"),
    profiles: table("user", "profiles"),
    disabledPeople: table("user", "disabled_people"),
    courses: table("course", "courses"),
    instructors: table("course", "instructors"),
    countedEnrollments: table("course", "counted_enrollments", "enrollment_id"),
    enrollments: table("enrollment", "enrollments"),
    knownCourses: table("enrollment", "courses"),
    completions: new Set(completions.map((row) => `${row.enrollment_id}:${row.lesson_id}`)),
  };
}

/** The roles of an account in alphabetical order. */
export function rolesOf(account: Columns): string[] {
  const roles: unknown = JSON.parse(String(account.roles));
  return Array.isArray(roles) ? roles.map(String).sort() : [];
}
