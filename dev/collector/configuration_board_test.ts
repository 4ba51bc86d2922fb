import assert from "node:assert/strict";
import { type ApiClient, ApiFailure, type CallOptions } from "../system/api_client.ts";
import { createAdminApi } from "./admin_api.ts";
import { createConfigurationBoard } from "./configuration_board.ts";
import { Refusal } from "./refusal.ts";

const at = "2026-01-05T09:30:00.000Z";
const inForce = {
  version: 4,
  changedAt: at,
  changedBy: "somebody",
  comment: null,
  changed: ["gateway.logLevel"],
  document: { gateway: { logLevel: "debug" } },
};
const toToken = (sub: string) =>
  `e30.${new TextEncoder().encode(JSON.stringify({ sub })).toBase64({ alphabet: "base64url" })}.`;

type Respond = (method: string, path: string, options: CallOptions) => unknown;

/** A board on a system with given responses; tokens are valid until `expire` is called. */
function setup(respond: Respond = () => inForce) {
  const calls: string[] = [];
  const reported: number[] = [];
  let logins = 0;
  let isGood = true;
  const client: ApiClient = {
    async call(method, path, options = {}) {
      await Promise.resolve();
      calls.push(`${method} ${path}`);
      if (path === "/auth/token") {
        isGood = true;
        return { accessToken: toToken(`user:admin-${++logins}`) };
      }
      if (!isGood) throw new ApiFailure(`${method} ${path}`, 401, "token_expired");
      return respond(method, path, options);
    },
    close() {},
  };
  const admin = createAdminApi({ email: "a", password: "p" }, client);
  const board = createConfigurationBoard({
    admin,
    base: [],
    rollout: () => [],
    onChange: (version) => reported.push(version),
  });
  return { board, admin, calls, reported, expire: () => void (isGood = false) };
}

Deno.test("calls share one login, and a new one follows when its token is no longer valid", async () => {
  const { board, admin, calls, expire } = setup();
  await Promise.all([board.find("1"), board.find("2")]);
  assert.equal(admin.userId(), "admin-1");
  expire();
  await board.find("3");
  await board.find("3");
  assert.equal(calls.filter((call) => call === "POST /auth/token").length, 2);
  assert.equal(admin.userId(), "admin-2");
});

Deno.test("the current version comes with the newest versions and their times", async () => {
  const { document: _document, ...change } = inForce;
  const { board, calls } = setup((_method, path) =>
    path.includes("history") ? { items: [change], nextCursor: "older" } : inForce
  );
  const { inForce: found, history, administratorId } = await board.read();
  assert.deepEqual([found.version, found.changedAt], [4, Date.parse(at)]);
  assert.deepEqual([history.items.length, history.next], [1, "older"]);
  assert.equal(administratorId, "admin-1");
  await board.history(new URLSearchParams({ cursor: "a&b" }));
  assert.equal(calls.at(-1), "GET /admin/configuration/history?limit=20&cursor=a%26b");
  await board.find("../../auth/logout-all").catch(() => {});
  assert.equal(calls.at(-1), "GET /admin/configuration/history/..%2F..%2Fauth%2Flogout-all");
});

Deno.test("a change is sent with the version it is based on, and reported", async () => {
  const sent: unknown[] = [];
  const { board, reported } = setup((_method, _path, { body }) => (sent.push(body), inForce));
  const proposed = { document: {}, ifVersion: 3, comment: "Why" };
  await board.change(proposed);
  await board.rollBack({ version: 1, ifVersion: 4 });
  assert.deepEqual(sent, [proposed, { version: 1, ifVersion: 4 }]);
  assert.deepEqual(reported, [4, 4]);
});

const unfit: readonly unknown[] = [
  null,
  {},
  { document: {} },
  { document: [], ifVersion: 1 },
  { document: {}, ifVersion: -1 },
  { document: {}, ifVersion: 1, actorId: "somebody" },
];
for (const body of unfit) {
  Deno.test(`${JSON.stringify(body)} is refused as a change, and the gateway is not called`, async () => {
    const { board, calls } = setup();
    await assert.rejects(board.change(body), hasStatus(400));
    await assert.rejects(board.rollBack(body), hasStatus(400));
    assert.deepEqual(calls, []);
  });
}

const failures = [
  [new ApiFailure("PUT", 409, "conflict"), 409, /Another version became current in the meantime/],
  [new ApiFailure("PUT", 404, "not_found"), 404, /no such version/],
  [new ApiFailure("PUT", 503, "store_unavailable"), 503, /is stored, but not current yet/],
  [new ApiFailure("PUT", 500, "internal"), 502, /failed: 500 internal/],
  [new TypeError("connection refused"), 502, /does not respond/],
] as const;
for (const [failure, status, words] of failures) {
  Deno.test(`${failure.message} becomes ${status}, and no version is reported`, async () => {
    const { board, reported } = setup(() => {
      throw failure;
    });
    const change = board.change({ document: {}, ifVersion: 4 });
    await assert.rejects(change, (error) => hasStatus(status)(error) && words.test(error.message));
    assert.deepEqual(reported, []);
  });
}

Deno.test("validation errors name the paths of the document itself", async () => {
  const { board } = setup(() => {
    throw new ApiFailure("PUT", 422, "validation_failed", [
      { path: "document.gateway.logLevel", message: "a" },
      { path: "document", message: "b" },
      { path: "comment", message: "c" },
    ]);
  });
  await assert.rejects(board.change({ document: {}, ifVersion: 4 }), (error) => {
    assert.ok(error instanceof Refusal);
    const paths = error.details.map(({ path }) => path);
    assert.deepEqual([error.status, paths], [422, ["gateway.logLevel", "", "comment"]]);
    return true;
  });
});

Deno.test("a response of another shape is refused", async () => {
  const { board } = setup(() => ({ version: "4" }));
  await assert.rejects(board.find("4"), hasStatus(502));
});

Deno.test("an unknown administrator is reported", async () => {
  const withoutAdministrator = { admin: undefined, base: [], rollout: () => [], onChange() {} };
  await assert.rejects(createConfigurationBoard(withoutAdministrator).read(), hasStatus(409));
});

Deno.test("a changed administrator's password is reported", async () => {
  const client: ApiClient = {
    call: () => Promise.reject(new ApiFailure("POST /auth/token", 401, "invalid_credentials")),
    close() {},
  };
  const admin = createAdminApi({ email: "a", password: "p" }, client);
  const refused = (error: unknown) => hasStatus(502)(error) && /password/.test(error.message);
  await assert.rejects(admin.call("GET", "/admin/configuration"), refused);
  await assert.rejects(admin.call("GET", "/admin/configuration"), refused);
});

function hasStatus(status: number): (error: unknown) => error is Refusal {
  return (error): error is Refusal => error instanceof Refusal && error.status === status;
}
