import { toSecret } from "@edgepass/shared/crypto";
import assert from "node:assert/strict";
import { within } from "../tests/support/wait.ts";
import type { SignPassport } from "./passport.ts";
import { createLogger } from "@edgepass/shared/context";
import { createListPosition, createRebuild, createRevocationList } from "./revocation_list.ts";

/** The gap in a reply of Redis that was requested just now. */
function findGap(list: ReturnType<typeof createListPosition>, ready: string | null) {
  return list.findGap(ready, list.seen());
}

Deno.test("a new instance accepts any position, and afterwards no lower one", () => {
  const list = createListPosition();
  assert.equal(findGap(list, "a:7"), undefined);
  assert.equal(findGap(list, "a:7"), undefined);
  assert.equal(findGap(list, "a:9"), undefined);
  assert.equal(findGap(list, "a:8"), "went_back");
  assert.equal(findGap(list, "a:9"), undefined);
  assert.equal(findGap(list, "a:10"), undefined);
});

Deno.test("another log is a gap at any position, until a rebuild reports it", () => {
  const list = createListPosition();
  assert.equal(findGap(list, "a:7"), undefined);
  assert.equal(findGap(list, "b:900"), "another_log");
  list.rebuilt({ identity: "b", position: 3 }, list.seen());
  assert.equal(findGap(list, "a:7"), "another_log");
  assert.equal(findGap(list, "b:2"), "went_back");
  assert.equal(findGap(list, "b:3"), undefined);
});

const unreadable = ["1", "", "a:", ":7", "a:7:8", "a:-1", "a:1e3", "a b:7", "a:1234567890123456"];
for (const ready of unreadable) {
  Deno.test(`"${ready}" in Redis is an unknown position: a gap until one rebuild`, () => {
    const list = createListPosition();
    assert.equal(findGap(list, ready), "position_unknown");
    assert.equal(findGap(list, ready), "position_unknown");
    list.rebuilt(undefined, list.seen());
    assert.equal(findGap(list, ready), undefined);
    assert.equal(findGap(list, ready), undefined);
  });
}

Deno.test("a reply without a position after one with a position is a gap, each time", () => {
  const list = createListPosition();
  for (const position of ["a:7", "a:8", "a:9"]) {
    assert.equal(findGap(list, position), undefined);
    assert.equal(findGap(list, "1"), "position_unknown");
    list.rebuilt(undefined, list.seen());
    assert.equal(findGap(list, "1"), undefined);
  }
});

Deno.test("an emptied list is a gap, whatever was seen", () => {
  const list = createListPosition();
  assert.equal(findGap(list, null), "emptied");
  list.rebuilt(undefined, list.seen());
  assert.equal(findGap(list, null), "emptied");
});

Deno.test("an overtaken reply is compared with the position from before its request", () => {
  const list = createListPosition();
  findGap(list, "a:7");
  const since7 = list.seen();
  assert.equal(findGap(list, "a:8"), undefined);
  assert.equal(list.findGap("a:7", since7), undefined);
  assert.equal(findGap(list, "a:7"), "went_back", "a new request must return 8");
});

Deno.test("a rebuild sets the position that it reached, and never replaces a newer one", () => {
  const list = createListPosition();
  findGap(list, "a:900");
  const since = list.seen();
  // The log was restored from a backup, and has not reached that position again.
  list.rebuilt({ identity: "a", position: 5 }, since);
  assert.equal(findGap(list, "a:4"), "went_back");
  assert.equal(findGap(list, "a:6"), undefined);
  list.rebuilt({ identity: "a", position: 5 }, since);
  assert.equal(findGap(list, "a:5"), "went_back");
});

const sign: SignPassport = (bearer, txn) =>
  Promise.resolve({
    token: toSecret(`of ${bearer}`),
    kid: "k",
    claims: {
      pv: "v0.1.0",
      iss: "i",
      aud: "a",
      iat: 0,
      exp: 30,
      jti: "j",
      txn,
      sub: "svc:gateway",
      roles: [],
      scope: "",
      cfg: 0,
    },
  });

Deno.test("a rebuild is requested as svc:gateway, with a time limit", async () => {
  const requests: RequestInit[] = [];
  const upstream = {
    name: "auth",
    fetch(_path: string, init: RequestInit = {}) {
      requests.push(init);
      return Promise.resolve(new Response(null, { status: 204 }));
    },
  };
  await createRebuild({ upstream, path: "/rebuild" }, sign)();
  const [{ method, headers, signal } = {}] = requests;
  assert.deepEqual([method, new Headers(headers).get("x-passport")], ["POST", "of gateway"]);
  assert.ok(signal instanceof AbortSignal);
});

Deno.test("a refused rebuild rejects, and its response body is cancelled", async () => {
  const left = Promise.withResolvers<void>();
  const body = new ReadableStream({ cancel: () => left.resolve() });
  const upstream = {
    name: "auth",
    fetch: () => Promise.resolve(new Response(body, { status: 503 })),
  };
  await assert.rejects(
    createRebuild({ upstream, path: "/rebuild" }, sign)(),
    /503/,
  );
  await within("the response body is cancelled", left.promise);
});

Deno.test("[F25] a rebuild that never ends is given up, and another one is requested", () => {
  let at = 0;
  let requested = 0;
  const rebuild = () => {
    requested++;
    return new Promise<undefined>(() => {});
  };
  const log = createLogger({ service: "test", sink: () => {} });
  const list = createRevocationList(rebuild, { now: () => at, log });
  const read = () => assert.equal(list.isComplete(null, list.seen()), false);
  read();
  at = 19_999;
  read();
  assert.equal(requested, 1);
  at = 20_000;
  read();
  assert.equal(requested, 2);
});
