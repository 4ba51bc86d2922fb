import assert from "node:assert/strict";
import { createRecommender } from "./recommender.ts";

const question = { person: "somebody", known: ["a", "b", "c", "d"], limit: 3 };

function setup() {
  const { handler, close } = createRecommender();
  const send = (method: string, path: string, body?: unknown, init: RequestInit = {}) =>
    handler(
      new Request(`http://recommender.test${path}`, {
        method,
        ...init,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  const recommend = (body: unknown = question, init?: RequestInit) =>
    send("POST", "/v1/recommendations", body, init);
  return { recommend, send, close };
}

Deno.test("one person always gets the same courses, another person different ones", async () => {
  const { recommend } = setup();
  const orders = await Promise.all(
    ["a", "a", "b", "c", "d"].map(async (person) => {
      const { items } = await (await recommend({ ...question, person })).json();
      return items.map(({ courseId }: { courseId: string }) => courseId).join();
    }),
  );
  assert.equal(orders[0], orders[1]);
  assert.equal(orders[0]?.split(",").length, 3);
  assert.ok(new Set(orders).size > 1);
});

Deno.test("faults are replaced as one document, can be read, and can be removed", async () => {
  const { recommend, send } = setup();
  const well = { down: false, latencyMs: 0, status: 200, garbage: false, hang: false };
  assert.deepEqual(await (await send("GET", "/faults")).json(), well);
  const set = await send("PUT", "/faults", { status: 429 });
  assert.deepEqual(await set.json(), { ...well, status: 429 });
  assert.equal((await recommend()).status, 429);
  await send("PUT", "/faults", { garbage: true });
  assert.match(await (await recommend()).text(), /^<!doctype/);
  await send("PUT", "/faults", { latencyMs: 1 });
  assert.equal((await recommend()).status, 200);
  await send("PUT", "/faults", { down: true });
  assert.equal((await recommend()).status, 503);
  await send("DELETE", "/faults");
  assert.equal((await recommend()).status, 200);
});

const refused = {
  "another name": { off: true },
  "a word": { down: "yes" },
  "an invalid status": { status: 99 },
  "no object": [],
};
for (const [what, body] of Object.entries(refused)) {
  Deno.test(`faults with ${what} are refused and change nothing`, async () => {
    const { send, recommend } = setup();
    const response = await send("PUT", "/faults", body);
    assert.equal(response.status, 422);
    assert.match(await response.text(), /it accepts down, latencyMs, status, garbage, hang/);
    assert.equal((await recommend()).status, 200);
  });
}

Deno.test("a hanging request ends when its client leaves, and when the recommender closes", async () => {
  const { recommend, send, close } = setup();
  await send("PUT", "/faults", { hang: true });
  const leaving = new AbortController();
  const left = recommend(question, { signal: leaving.signal });
  const others = recommend();
  leaving.abort();
  await (await left).body?.cancel().catch(() => {});
  close();
  await (await others).body?.cancel().catch(() => {});
});

Deno.test("an invalid question is refused", async () => {
  const { recommend, send } = setup();
  assert.equal((await recommend({ known: [] })).status, 422);
  assert.equal((await send("GET", "/v1/recommendations")).status, 405);
  assert.equal((await send("POST", "/faults")).status, 405);
  assert.equal((await send("GET", "/")).status, 404);
});
