import { DatabaseSync } from "node:sqlite";

/** One recorded change of a service's database, in commit order. */
export type AuditRow =
  | {
    readonly what: "changed";
    readonly type: string;
    readonly subject: string;
    readonly value: string;
  }
  | { readonly what: "published"; readonly id: string; readonly event: string }
  | { readonly what: "consumed"; readonly id: string }
  | {
    readonly what: "version";
    readonly source: string;
    readonly subject: string;
    readonly facet: string;
    readonly sequence: number;
  }
  | { readonly what: "deleted"; readonly subject: string };

/** The event triggers of every database. */
const eventTriggers = `
  CREATE TABLE chaos_audit (n INTEGER PRIMARY KEY, row TEXT NOT NULL);
  CREATE TRIGGER chaos_published AFTER INSERT ON outbox BEGIN
    INSERT INTO chaos_audit (row) VALUES (
      json_object('what', 'published', 'id', NEW.id, 'event', NEW.event));
  END;
  CREATE TRIGGER chaos_consumed AFTER INSERT ON inbox BEGIN
    INSERT INTO chaos_audit (row) VALUES (json_object('what', 'consumed', 'id', NEW.event_id));
  END;
  CREATE TRIGGER chaos_first_version AFTER INSERT ON event_versions BEGIN
    INSERT INTO chaos_audit (row) VALUES (json_object('what', 'version', 'source', NEW.source,
      'subject', NEW.subject, 'facet', NEW.aspect, 'sequence', NEW.sequence));
  END;
  CREATE TRIGGER chaos_next_version AFTER UPDATE ON event_versions BEGIN
    INSERT INTO chaos_audit (row) VALUES (json_object('what', 'version', 'source', NEW.source,
      'subject', NEW.subject, 'facet', NEW.aspect, 'sequence', NEW.sequence));
  END;
  CREATE TRIGGER chaos_deleted AFTER INSERT ON ended_subjects BEGIN
    INSERT INTO chaos_audit (row) VALUES (json_object('what', 'deleted', 'subject', NEW.subject));
  END;`;

/**
 * Changes that other services depend on: the row that changes, and the event that must be
 * published.
 */
const changes: Readonly<Record<string, readonly Change[]>> = {
  auth: [
    { on: "INSERT ON accounts", type: "user.registered", value: "NEW.name" },
    {
      on: "UPDATE ON accounts",
      when: "OLD.roles <> NEW.roles AND NEW.closed_at IS NULL",
      type: "user.roles-changed",
      value: `coalesce((SELECT group_concat(value)
        FROM (SELECT value FROM json_each(NEW.roles) ORDER BY 1)), '')`,
    },
    {
      on: "UPDATE ON accounts",
      when: "OLD.disabled < NEW.disabled AND NEW.closed_at IS NULL",
      type: "user.disabled",
    },
    {
      on: "UPDATE ON accounts",
      when: "OLD.disabled > NEW.disabled AND NEW.closed_at IS NULL",
      type: "user.enabled",
    },
    {
      on: "UPDATE ON accounts",
      when: "OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL",
      type: "user.deleted",
    },
  ],
  user: [{
    on: "UPDATE ON profiles",
    when: "OLD.name <> NEW.name AND NEW.erased_at IS NULL",
    type: "user.profile-changed",
    value: "NEW.name",
  }],
  course: [
    {
      on: "UPDATE ON courses",
      when: "OLD.state = 'draft' AND NEW.state = 'published'",
      type: "course.published",
      value: "NEW.title",
    },
    {
      on: "UPDATE ON courses",
      when: "OLD.state = 'published' AND OLD.title <> NEW.title",
      type: "course.changed",
      value: "NEW.title",
    },
    {
      on: "DELETE ON courses",
      when: "OLD.state = 'published'",
      type: "course.deleted",
      value: "OLD.title",
    },
  ],
  enrollment: [
    { on: "INSERT ON enrollments", type: "enrollment.created", value: "NEW.course_id" },
    {
      on: "UPDATE ON enrollments",
      when: "OLD.first_completed_at IS NULL AND NEW.first_completed_at IS NOT NULL",
      type: "enrollment.completed",
      value: "NEW.course_id",
    },
    { on: "DELETE ON enrollments", type: "enrollment.deleted" },
  ],
};

interface Change {
  readonly on: string;
  readonly when?: string;
  readonly type: string;
  readonly value?: string;
}

/**
 * Makes a service's database record changes, and published, consumed and deleted rows.
 *
 * By triggers: a record commits with its change, and the services stay unmodified.
 */
export function auditDatabase(service: string, path: string): void {
  const database = new DatabaseSync(path);
  database.exec(eventTriggers);
  for (const { on, when = "1", type, value = "''" } of changes[service] ?? []) {
    const row = on.startsWith("DELETE") ? "OLD" : "NEW";
    database.exec(`CREATE TRIGGER "chaos ${type}" AFTER ${on} WHEN ${when} BEGIN
      INSERT INTO chaos_audit (row) VALUES (json_object('what', 'changed', 'type', '${type}',
        'subject', ${row}.id, 'value', ${value}));
    END`);
  }
  database.close();
}

/** All recorded rows of a database, oldest first. */
export function readAudit(path: string): AuditRow[] {
  using database = openReadOnly(path);
  return database.all("SELECT row FROM chaos_audit ORDER BY n")
    .map(({ row }) => toAuditRow(String(row)));
}

/** Only the triggers above write rows, with the members of the type. */
function toAuditRow(json: string): AuditRow {
  return JSON.parse(json) as AuditRow;
}

/** A row by column name. */
export type Columns = Readonly<Record<string, unknown>>;

/** Read access to a database that other processes write. */
export interface Reader extends Disposable {
  all(sql: string): Columns[];
}

/** Opens a database read-only. */
export function openReadOnly(path: string): Reader {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  return {
    all: (sql) => database.prepare(sql).all(),
    [Symbol.dispose]: () => database.close(),
  };
}
