import assert from "node:assert/strict";
import { createEmbeddedRedis, createRedisRest } from "@edgepass/local/redis";
import { encodeBase64Url, readJsonObject, readJws } from "@edgepass/shared/crypto";
import { createServiceRuntime } from "@edgepass/shared/http";
import type { Argon2Cost } from "../../services/auth/passwords/argon2.ts";
import { createPasswordHasher, type PasswordHasher } from "../../services/auth/passwords/hasher.ts";
import { defineAuth } from "../../services/auth/service.ts";
import { Identity, TokenResponse } from "../../services/auth/schema.ts";
import { makeAccessTokenKeys } from "@edgepass/shared/crypto";
import { createPassports, type PassportOverrides } from "./passports.ts";
import {
  type CallOptions,
  createCaller,
  createClock,
  expectJson,
  openDatabase,
} from "./services.ts";

export { makeAccessTokenKeys };

/** A minimal hash cost, so that tests may hash often. */
export const cheapCost: Argon2Cost = { m: 8, t: 1, p: 1 };

export const password = "a sentence that only I would think of";
export const administrator = {
  email: "admin@example.com",
  password: "the first one who has the keys",
};
export const publicOrigin = "http://127.0.0.1:8787";

export interface AuthOptions {
  readonly bindings?: Readonly<Record<string, unknown>>;
  readonly passwords?: PasswordHasher;
}

/** Auth as deployed, on an in-memory database and an embedded Redis over HTTP. */
export async function setupAuth({ bindings = {}, passwords }: AuthOptions = {}) {
  const resources = new AsyncDisposableStack();
  const database = resources.use(await openDatabase("auth"));
  const redis = await startRedis(resources);
  const clock = createClock();
  const passports = createPassports(clock);
  const lines: string[] = [];
  const settings = {
    ...passports.bindings,
    LOG_LEVEL: "info",
    PUBLIC_ORIGIN: publicOrigin,
    AUDIENCE: "https://api.test",
    AUTH_DB: database,
    ACCESS_TOKEN_KEYS: await makeAccessTokenKeys(["signing"]),
    REFRESH_TOKEN_KEY: encodeBase64Url(crypto.getRandomValues(new Uint8Array(32))),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    ADMIN_EMAIL: administrator.email,
    ADMIN_PASSWORD: administrator.password,
    ...bindings,
  };
  const hasher = passwords ?? createPasswordHasher({ cost: cheapCost });
  /** Another instance on the same database and Redis. */
  const compose = () =>
    defineAuth({ passwords: hasher }).compose(settings, {
      runtime: createServiceRuntime(settings, {
        now: clock.now,
        sink: (line) => void lines.push(line),
      }),
    });
  const app = compose();
  const call = createCaller(app, passports);
  const client = createAuthClient(call);
  const rows = (sql: string, ...params: (string | number)[]) => database.run({ sql, params });
  return {
    ...client,
    app,
    call,
    clock,
    compose,
    database,
    lines,
    passports,
    redis,
    settings,
    log: () => lines.map((line): Record<string, unknown> => JSON.parse(line)),
    rows,
    /** The value of `rv:ready` when the list has the whole log. */
    logPosition: async () =>
      (await rows("SELECT identity || ':' || position FROM revocation_log"))[0]?.[0],
    /** The events auth has published; the events of one subject are in order. */
    publishedEvents: async (): Promise<Record<string, unknown>[]> =>
      (await rows("SELECT event FROM outbox ORDER BY subject, sequence"))
        .map(([event]) => JSON.parse(String(event))),
    /** The first administrator, logged in. */
    administrator: async () => asCaller(await client.tokens(administrator)),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export type AuthSetup = Awaited<ReturnType<typeof setupAuth>>;
export type Tokens = { readonly accessToken: string; readonly refreshToken: string };

function createAuthClient(call: ReturnType<typeof createCaller>) {
  const tokens = async (who: { email: string; password?: string }, options: CallOptions = {}) =>
    await expectJson(
      call("POST", "/auth/token", {
        ...options,
        body: { grantType: "password", password, ...who },
      }),
      200,
      TokenResponse,
    );
  return {
    signUp: (email: string, options: CallOptions = {}) =>
      expectJson(
        call("POST", "/auth/signup", {
          ...options,
          body: { email, password, name: "Demo Learner" },
        }),
        201,
        Identity,
      ),
    /** A login without cookies. */
    tokens,
    /** The response to a login with cookies. */
    logIn: (email: string, options: CallOptions = {}) =>
      call("POST", "/auth/login", { ...options, body: { email, password } }),
    /** The response to a refresh by cookie. */
    refresh: (refreshToken: string, options: CallOptions = {}) =>
      call("POST", "/auth/refresh", {
        ...options,
        headers: { cookie: `refresh_token=${refreshToken}`, ...options.headers },
      }),
    /** The response to a refresh without cookies. */
    exchange: (refreshToken: string) =>
      call("POST", "/auth/token", { body: { grantType: "refresh_token", refreshToken } }),
  };
}

export interface TestRedis {
  readonly url: string;
  readonly token: string;
  /** What Redis does with the next requests: serve, refuse all, or refuse writes. */
  mode: "up" | "down" | "read-only";
  /** Number of requests so far. */
  requests: number;
  /** Runs before a request is served; receives the number of requests so far. */
  onRequest: (count: number) => Promise<void>;
  /** Runs one command regardless of the mode. */
  command(...command: (string | number)[]): Promise<unknown>;
}

/** An embedded Redis over HTTP, ended with `resources`. */
export async function startRedis(resources: AsyncDisposableStack): Promise<TestRedis> {
  const token = crypto.randomUUID();
  const backend = createEmbeddedRedis();
  // The first script loads Lua, which on a busy machine may take longer than auth's Redis timeout.
  await backend.execute(["EVAL", "return 1", "0"]);
  resources.defer(() => backend.close());
  const rest = createRedisRest({ backend, token });
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      await redis.onRequest(++redis.requests);
      if (redis.mode === "down") return new Response("no", { status: 500 });
      if (redis.mode === "read-only" && /"(set|eval)"/i.test(await request.clone().text())) {
        return Response.json({ error: "READONLY You can't write" }, { status: 400 });
      }
      return await rest(request);
    },
  );
  resources.defer(() => server.shutdown());
  const url = `http://127.0.0.1:${server.addr.port}`;
  const redis: TestRedis = {
    url,
    token,
    mode: "up",
    requests: 0,
    onRequest: () => Promise.resolve(),
    async command(...command) {
      const headers = { authorization: `Bearer ${token}` };
      const body = JSON.stringify(command);
      const response = await rest(new Request(url, { method: "POST", headers, body }));
      return (await response.json()).result;
    },
  };
  return redis;
}

/** The claims of an access token, unverified: the signature has its own tests. */
export function readClaims(accessToken: string): Record<string, unknown> {
  const claims = readJsonObject(readJws(accessToken, 4096)?.payload ?? new Uint8Array());
  assert.ok(claims, "not an access token");
  return claims;
}

/** The Passport claims that the gateway would derive from an access token. */
export function asCaller({ accessToken }: { accessToken: string }): PassportOverrides & {
  readonly sub: string;
  readonly sid: string;
  readonly id: string;
} {
  const { sub, sid, uv, roles } = readClaims(accessToken);
  assert.ok(typeof sub === "string" && typeof sid === "string" && typeof uv === "number");
  assert.ok(Array.isArray(roles));
  return { sub: `user:${sub}`, sid, uv, roles: roles.map(String), id: sub };
}

/** Cookies of a response by name, with their attributes as one string. */
export function readSetCookies(
  response: Response,
): Record<string, { value: string; rest: string }> {
  return Object.fromEntries(
    response.headers.getSetCookie().map((cookie) => {
      const [, name = "", value = "", rest = ""] = /^([^=]+)=([^;]*); (.*)$/.exec(cookie) ?? [];
      return [name, { value, rest }];
    }),
  );
}
