import assert from "node:assert/strict";
import {
  describeDegraded,
  describeWait,
  type Look,
  readUnreadKeys,
  untilDead,
  waitUntilReady,
} from "./readiness.ts";

/** Probes with these results, and those that were not used. */
async function watch(looks: readonly Look[]) {
  const left = [...looks];
  const found = await untilDead({
    look: () => Promise.resolve(left.shift() ?? "refuses"),
    pause: () => Promise.resolve(),
  });
  return { found, left };
}

Deno.test("a server that refuses five connections in a row counts as down", async () => {
  const { found, left } = await watch(Array<Look>(5).fill("refuses").concat("answers"));
  assert.deepEqual([found, left], ["refuses", ["answers"]]);
});

Deno.test("a server that hangs counts as down, like one that refuses", async () => {
  const { found } = await watch(Array<Look>(5).fill("silent"));
  assert.equal(found, "silent");
});

Deno.test("a server that responds in between counts as up", async () => {
  const failing = Array<Look>(4).fill("refuses");
  const { left } = await watch([...failing, "answers", ...failing, "answers", ...failing]);
  assert.deepEqual(left, []);
});

Deno.test("a start that takes long says once which part it waits for", async () => {
  let probes = 0;
  const checks = { revocation: "ready", "issuer away": "no key set could be read" };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
    const isReady = ++probes > 3;
    return Response.json({ status: "…", checks }, { status: isReady ? 200 : 503 });
  });
  try {
    const reported: string[] = [];
    const process = { name: "edgepass", ended: new Promise<never>(() => {}) };
    await waitUntilReady(process, server.addr.port, {
      timeoutMs: 30_000,
      host: "edgepass.test",
      waiting: (detail) => reported.push(detail),
      patienceMs: 0,
    });
    assert.deepEqual(reported, ["issuer away: no key set could be read"]);
  } finally {
    await server.shutdown();
  }
});

Deno.test("a warning about an issuer's keys has the cause that the gateway logged", () => {
  const unread = readUnreadKeys(JSON.stringify({
    time: "2030-01-01T00:00:00.000Z",
    level: "warn",
    service: "gateway",
    message: "Issuer's keys could not be read",
    issuer: "away",
    cause: { name: "TypeError", message: "no connection" },
  }));
  assert.deepEqual(unread, { issuer: "away", cause: "no connection" });
  const causes = new Map([["away", "no connection"]]);
  assert.match(describeDegraded("away", causes), /issuer away yet \(no connection\): .* get 503/);
  const wait = describeWait("edgepass", "issuer away: no key set could be read", causes);
  assert.match(wait, /^Waiting for edgepass, .*issuer away: .*\(away: no connection\)/);
});
