import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import * as z from "zod/mini";

/** A libSQL server for tests: Hrana 2 and 3 over HTTP with JSON, on one SQLite file. */
export interface HranaServer extends AsyncDisposable {
  readonly url: string;
  /** Bodies of all pipeline requests so far. */
  readonly requests: readonly unknown[];
  /** Streams that a client opened and did not close. */
  openStreams(): number;
}

/** Options of {@link startHranaServer}; without `token` every client is accepted. */
export interface HranaServerOptions {
  readonly path: string;
  readonly token?: string;
}

const Value = z.discriminatedUnion("type", [
  z.object({ type: z.literal("null") }),
  z.object({ type: z.literal("integer"), value: z.string() }),
  z.object({ type: z.literal("float"), value: z.number() }),
  z.object({ type: z.literal("text"), value: z.string() }),
  z.object({ type: z.literal("blob"), base64: z.string() }),
]);
const Sql = { sql: z.optional(z.string()), sql_id: z.optional(z.number()) };
const Stmt = z.object({
  ...Sql,
  args: z.optional(z.array(Value)),
  want_rows: z.optional(z.boolean()),
});
interface Cond {
  readonly type: string;
  readonly step?: number | undefined;
  readonly cond?: Cond | undefined;
  readonly conds?: readonly Cond[] | undefined;
}
const Cond: z.ZodMiniType<Cond> = z.lazy(() =>
  z.object({
    type: z.enum(["ok", "error", "not", "and", "or", "is_autocommit"]),
    step: z.optional(z.number()),
    cond: z.optional(Cond),
    conds: z.optional(z.array(Cond)),
  })
);
const Batch = z.object({
  steps: z.array(z.object({ stmt: Stmt, condition: z.optional(z.nullable(Cond)) })),
});
const StreamRequest = z.discriminatedUnion("type", [
  z.object({ type: z.literal("execute"), stmt: Stmt }),
  z.object({ type: z.literal("batch"), batch: Batch }),
  z.object({ type: z.literal("sequence"), ...Sql }),
  z.object({ type: z.literal("describe"), ...Sql }),
  z.object({ type: z.literal("store_sql"), sql_id: z.number(), sql: z.string() }),
  z.object({ type: z.literal("close_sql"), sql_id: z.number() }),
  z.object({ type: z.literal("get_autocommit") }),
  z.object({ type: z.literal("close") }),
]);
type StreamRequest = z.output<typeof StreamRequest>;
const Pipeline = z.object({
  baton: z.optional(z.nullable(z.string())),
  requests: z.array(StreamRequest),
});

interface Stream {
  readonly db: DatabaseSync;
  readonly texts: Map<number, string>;
  closed: boolean;
}

/** A protocol error: `{ message, code }`. */
class HranaError extends Error {
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** Serves a SQLite file on a free loopback port until it is disposed of. */
export function startHranaServer({ path, token }: HranaServerOptions): HranaServer {
  const streams = new Map<string, Stream>();
  const requests: unknown[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (token !== undefined && request.headers.get("authorization") !== `Bearer ${token}`) {
        return Response.json({ error: "Unauthorized" }, { status: 401 });
      }
      if (/^\/v[23]$/.test(pathname)) return new Response("");
      if (!/^\/v[23]\/pipeline$/.test(pathname)) return new Response("", { status: 404 });
      const body: unknown = await request.json();
      requests.push(body);
      return pipeline(Pipeline.parse(body), streams, path);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    openStreams: () => streams.size,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      for (const { db } of streams.values()) db.close();
    },
  };
}

/** A baton is valid for one request, so that a stream's requests are ordered. */
function pipeline(
  { baton, requests }: z.output<typeof Pipeline>,
  streams: Map<string, Stream>,
  path: string,
): Response {
  const stream = typeof baton === "string" ? streams.get(baton) : openStream(path);
  if (stream === undefined) {
    return Response.json({ message: "Stream is gone", code: "STREAM_EXPIRED" }, { status: 400 });
  }
  if (typeof baton === "string") streams.delete(baton);
  const results = requests.map((request) => {
    try {
      return { type: "ok", response: { type: request.type, ...respond(stream, request) } };
    } catch (error) {
      return { type: "error", error: toHrana(error) };
    }
  });
  const next = stream.closed ? null : crypto.randomUUID();
  if (next !== null) streams.set(next, stream);
  return Response.json({ baton: next, base_url: null, results });
}

/** Waiting would block this process, which also holds the lock: report busy at once. */
function openStream(path: string): Stream {
  const db = new DatabaseSync(path, { timeout: 0, enableForeignKeyConstraints: true });
  db.exec("PRAGMA journal_mode = WAL");
  return { db, texts: new Map(), closed: false };
}

function respond(stream: Stream, request: StreamRequest): object {
  const { db, texts } = stream;
  switch (request.type) {
    case "execute":
      return { result: execute(stream, request.stmt) };
    case "batch":
      return { result: batch(stream, request.batch) };
    case "sequence":
      return db.exec(textOf(stream, request)), {};
    case "describe":
      return { result: describe(db, textOf(stream, request)) };
    case "store_sql":
      return texts.set(request.sql_id, request.sql), {};
    case "close_sql":
      return texts.delete(request.sql_id), {};
    case "get_autocommit":
      return { is_autocommit: !db.isTransaction };
    case "close":
      stream.closed = true;
      return db.close(), {};
  }
}

function execute(stream: Stream, stmt: z.output<typeof Stmt>): object {
  const { db } = stream;
  const statement = prepare(db, textOf(stream, stmt));
  const before = total(db, "total_changes()");
  const rows = statement.all(...(stmt.args ?? []).map(fromHrana)) as unknown[] as unknown[][];
  return {
    cols: statement.columns().map(({ name, type }) => ({ name, decltype: type })),
    rows: rows.map((row) => row.map(toHranaValue)),
    affected_row_count: Number(total(db, "total_changes()") - before),
    last_insert_rowid: String(total(db, "last_insert_rowid()")),
  };
}

function batch(stream: Stream, { steps }: z.output<typeof Batch>): object {
  const step_results: (object | null)[] = [];
  const step_errors: (object | null)[] = [];
  const holds = (cond: Cond): boolean => {
    const { step = -1, conds = [] } = cond;
    if (cond.type === "ok") return (step_results[step] ?? null) !== null;
    if (cond.type === "error") return (step_errors[step] ?? null) !== null;
    if (cond.type === "not") return cond.cond !== undefined && !holds(cond.cond);
    if (cond.type === "and") return conds.every(holds);
    if (cond.type === "or") return conds.some(holds);
    return !stream.db.isTransaction;
  };
  for (const { stmt, condition } of steps) {
    let [result, error]: (object | null)[] = [null, null];
    try {
      if (!condition || holds(condition)) result = execute(stream, stmt);
    } catch (thrown) {
      error = toHrana(thrown);
    }
    step_results.push(result ?? null);
    step_errors.push(error ?? null);
  }
  return { step_results, step_errors };
}

function describe(db: DatabaseSync, sql: string): object {
  const params = Array.from(sql.matchAll(/\?/g), () => ({ name: null }));
  const cols = prepare(db, sql).columns().map(({ name, type }) => ({ name, decltype: type }));
  return {
    params,
    cols,
    is_explain: /^\s*explain\b/i.test(sql),
    is_readonly: /^\s*(?:select|values)\b/i.test(sql),
  };
}

function textOf({ texts }: Stream, { sql, sql_id }: { sql?: unknown; sql_id?: unknown }): string {
  const text = typeof sql === "string" ? sql : texts.get(Number(sql_id));
  if (text === undefined) throw new HranaError("SQL text not found", "SQL_NOT_FOUND");
  return text;
}

/**
 * Rows as arrays, and integers as bigint, because the protocol keeps 64 bits. Not yet in Deno's
 * types.
 */
function prepare(db: DatabaseSync, sql: string): ReturnType<DatabaseSync["prepare"]> {
  const statement = db.prepare(sql) as ReturnType<DatabaseSync["prepare"]> & {
    setReturnArrays(on: boolean): void;
  };
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  return statement;
}

function total(db: DatabaseSync, expression: string): bigint {
  const row = db.prepare(`SELECT ${expression} AS n`).get();
  return BigInt(Number(row?.["n"]));
}

function fromHrana(value: z.output<typeof Value>): SQLInputValue {
  if (value.type === "null") return null;
  if (value.type === "integer") return BigInt(value.value);
  return value.type === "blob" ? Uint8Array.fromBase64(value.base64) : value.value;
}

function toHranaValue(value: unknown): z.output<typeof Value> {
  if (typeof value === "bigint") return { type: "integer", value: String(value) };
  if (typeof value === "number") return { type: "float", value };
  if (typeof value === "string") return { type: "text", value };
  return value instanceof Uint8Array
    ? { type: "blob", base64: value.toBase64() }
    : { type: "null" };
}

const codes: Readonly<Record<number, string>> = {
  1: "SQLITE_ERROR",
  5: "SQLITE_BUSY",
  10: "SQLITE_IOERR",
  13: "SQLITE_FULL",
  19: "SQLITE_CONSTRAINT",
};

/** The error texts of sqld, which puts its own words before SQLite's. */
function toHrana(error: unknown): { message: string; code: string } {
  if (error instanceof HranaError) return { message: error.message, code: error.code };
  const errcode = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : 1;
  const message = error instanceof Error ? error.message : String(error);
  return { message: `SQLite error: ${message}`, code: codes[errcode] ?? "SQLITE_ERROR" };
}
