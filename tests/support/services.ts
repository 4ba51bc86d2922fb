import assert from "node:assert/strict";
import type { Fetcher } from "@edgepass/shared/configuration";
import { migrate, type Migration } from "@edgepass/shared/sql";
import { openNodeSqlite, type OpenSqlDb } from "../../shared/sql/node_sqlite.ts";
import type { PassportOverrides, TestPassports } from "./passports.ts";

/** Opens an in-memory database with the migrations of one service, or of the control plane. */
export async function openDatabase(service: string): Promise<OpenSqlDb & Disposable> {
  const unit = service === "control" ? service : `services/${service}`;
  const folder = new URL(`../../${unit}/migrations/`, import.meta.url);
  const migrations: Migration[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    migrations.push({ name, sql: await Deno.readTextFile(new URL(name, folder)) });
  }
  const database = openNodeSqlite(":memory:");
  await migrate(database, migrations);
  return { ...database, [Symbol.dispose]: () => database.close() };
}

/** A clock that moves only when a test moves it. */
export function createClock(start = Date.parse("2026-03-01T09:30:00.000Z")) {
  let time = start;
  return { now: () => time, advance: (ms: number) => void (time += ms) };
}

export interface CallOptions {
  /** Claims of the Passport; by default an anonymous caller's, `null` sends no Passport. */
  readonly as?: PassportOverrides | null;
  /** Sent as JSON; a string is sent unchanged. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Call = (method: string, path: string, options?: CallOptions) => Promise<Response>;

/** Calls a service as the gateway would: with a Passport issued for the request. */
export function createCaller(service: Fetcher, passports: TestPassports): Call {
  return async function call(method, path, { as = { sub: "anon" }, body, headers = {} } = {}) {
    const request = new Request(new URL(path, "http://service.test"), {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(as === null ? {} : { "x-passport": await passports.sign(as) }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return await service.fetch(request);
  };
}

/** The claims of a user with roles. */
export function person(id: string, ...roles: string[]): PassportOverrides {
  return { sub: `user:${id}`, roles };
}

/** The body of a response with this status that matches its documented schema. */
export async function expectJson<Output>(
  response: Response | Promise<Response>,
  status: number,
  schema: { parse(value: unknown): Output },
): Promise<Output> {
  const received = await response;
  const text = await received.text();
  assert.equal(received.status, status, text);
  return schema.parse(JSON.parse(text));
}

/** Asserts a refusal: status and code of the problem, and that no cache stores it. */
export async function expectProblem(
  response: Response | Promise<Response>,
  status: number,
  code: string,
): Promise<void> {
  const received = await response;
  const text = await received.text();
  assert.equal(received.status, status, text);
  assert.equal(JSON.parse(text).code, code);
  assert.equal(received.headers.get("content-type"), "application/problem+json");
  assert.equal(received.headers.get("cache-control"), "no-store");
}

/** Asserts a response without a body. */
export async function expectNoContent(response: Response | Promise<Response>): Promise<void> {
  const received = await response;
  assert.equal(`${received.status} ${await received.text()}`, "204 ");
}
