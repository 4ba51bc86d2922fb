import assert from "node:assert/strict";
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "../generated/api.d.ts";
import { type CookieJar, createCookieJar } from "./cookie_jar.ts";
import type { Documented } from "./documented.ts";

/** What a visitor needs of an installation. */
export interface Site {
  /** The origin that clients use; `fetch` connects to the real address. */
  readonly origin: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** A browser user: a typed client with its own cookie jar. */
export interface Visitor {
  readonly api: Client<paths>;
  readonly jar: CookieJar;
}

/** Creates a visitor; each of its responses must be one that the document lists. */
export function createVisitor(site: Site, documented: Documented): Visitor {
  const jar = createCookieJar(site.origin);
  const api = createClient<paths>({
    baseUrl: site.origin,
    async fetch(request: Request) {
      const { pathname, search } = new URL(request.url);
      const headers = new Headers(request.headers);
      const cookies = jar.header(pathname);
      if (cookies !== undefined && !headers.has("authorization")) headers.set("cookie", cookies);
      if (request.method !== "GET") headers.set("origin", site.origin);
      const body = request.body === null ? {} : { body: await request.arrayBuffer() };
      const { method } = request;
      const response = await site.fetch(pathname + search, { method, headers, ...body });
      jar.store(response, pathname);
      assert.match(response.headers.get("x-trace-id") ?? "", /^[0-9a-f]{32}$/);
      await documented.check(method, pathname, response.clone());
      return response;
    },
  });
  return { api, jar };
}

/** The typed client's result, with the members that assertions read. */
interface Result<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** The data of a success; any other response fails the test. */
export async function expectData<Data>(
  pending: Promise<Result<{ readonly data: Data }>>,
  status = 200,
): Promise<Data> {
  const { data, error, response } = await pending;
  assert.equal(response.status, status, JSON.stringify(error));
  assert.ok(data);
  return data.data;
}

/** A success without a body. */
export async function expectDone(pending: Promise<Result<unknown>>): Promise<void> {
  const { error, response } = await pending;
  assert.equal(response.status, 204, JSON.stringify(error));
}

/** The problem codes that an operation documents. */
type CodeOf<Failure> = Failure extends { error: { code: infer Code } } ? Code : never;

/** A refusal with a code; only a code that the operation documents compiles. */
export async function expectRefusal<Failure>(
  pending: Promise<{ error?: Failure; response: Response }>,
  status: number,
  code: CodeOf<NonNullable<Failure>>,
): Promise<void> {
  const { error, response } = await pending;
  assert.equal(response.status, status, JSON.stringify(error));
  const failure = error as { error?: { code?: unknown }; success?: unknown } | undefined;
  assert.equal(failure?.success, false);
  assert.equal(failure?.error?.code, code);
}
