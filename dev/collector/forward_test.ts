import assert from "node:assert/strict";
import { createForward } from "./forward.ts";

function setup(respond: () => Promise<Response>) {
  const sent: { url: string; init: RequestInit }[] = [];
  const failures: string[] = [];
  const forward = createForward({
    urls: { traces: "https://collector.test/v1/traces" },
    headers: { "x-key": "secret" },
  }, {
    fetch(url, init) {
      sent.push({ url, init });
      return respond();
    },
    onFailure: (reason) => failures.push(reason),
  });
  return { forward, sent, failures };
}

/** Lets settled promises run their callbacks. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("a body is forwarded unchanged, with the keys of the target", async () => {
  const { forward, sent, failures } = setup(() => Promise.resolve(Response.json({})));
  forward("traces", "{}");
  forward("metrics", "{}");
  await settled();
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.url, "https://collector.test/v1/traces");
  assert.deepEqual(sent[0]?.init.headers, {
    "x-key": "secret",
    "content-type": "application/json",
  });
  assert.equal(sent[0]?.init.redirect, "manual");
  assert.equal(sent[0]?.init.body, "{}");
  assert.deepEqual(failures, []);
});

const failing: Readonly<Record<string, readonly [() => Promise<Response>, string]>> = {
  "a refusal": [
    () => Promise.resolve(new Response(null, { status: 401 })),
    "collector.test returned 401",
  ],
  "a redirect": [
    () => Promise.resolve(new Response(null, { status: 302 })),
    "collector.test returned 302",
  ],
  "no connection": [() => Promise.reject(new TypeError("secret")), "collector.test: TypeError"],
};
for (const [what, [respond, reason]] of Object.entries(failing)) {
  Deno.test(`${what} is reported once, without key and address`, async () => {
    const { forward, failures } = setup(respond);
    forward("traces", "{}");
    forward("traces", "{}");
    await settled();
    assert.deepEqual(failures, [reason]);
  });
}

Deno.test("a collector that does not respond holds few bodies at most", () => {
  const { forward, sent, failures } = setup(() => new Promise(() => {}));
  for (let at = 0; at < 20; at++) forward("traces", "{}");
  assert.equal(sent.length, 8);
  assert.deepEqual(failures, ["collector.test is too slow"]);
});
