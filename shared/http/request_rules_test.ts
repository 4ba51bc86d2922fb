import assert from "node:assert/strict";
import { createRoute, z } from "@hono/zod-openapi";
import fc from "fast-check";
import { createLogger } from "../context/request_context.ts";
import { createApi, limitBody, respondToError } from "./api.ts";
import { requireStrictJson } from "./create_service.ts";
import { jsonBody, jsonResponse } from "./openapi.ts";

const echo = createRoute({
  method: "post",
  path: "/",
  request: jsonBody(z.unknown()),
  responses: { 200: jsonResponse("What was read", z.object({ read: z.unknown() })) },
});

const log = createLogger({ service: "test", sink: () => {} });

function setup({ maxBytes = 1_048_576 }: { maxBytes?: number } = {}) {
  const app = createApi();
  app.onError((error) => respondToError(error, log));
  app.use(limitBody(maxBytes), requireStrictJson);
  app.openapi(echo, (c) => c.json({ read: c.req.valid("json") }, 200));
  app.post("/text", async (c) => c.text(await c.req.text()));
  return async (body: BodyInit, mediaType = "application/json", path = "/") =>
    await app.request(path, { method: "POST", body, headers: { "content-type": mediaType } });
}

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const bytes = (...parts: (string | number[])[]) =>
  Uint8Array.from(
    parts.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : part),
  );

const accepted = {
  "64 levels": nested(64),
  "brackets inside a text": `{"a":"${"[".repeat(100)}"}`,
  "an escaped quote before brackets": `{"a":"\\"${"{".repeat(100)}"}`,
  "an escaped backslash at the end of a text": `["\\\\",${nested(62)}]`,
  "white space around": " \r\n\t[1] \n",
  "many siblings": `[${Array(1000).fill("[]").join(",")}]`,
  "one value": "null",
};
for (const [what, body] of Object.entries(accepted)) {
  Deno.test(`strict JSON accepts ${what}`, async () => {
    const response = await setup()(body);
    assert.deepEqual([response.status, await response.json()], [200, { read: JSON.parse(body) }]);
  });
}

const refused = {
  "65 levels": nested(65),
  "65 levels after a text that ends in a backslash": `["\\\\",${nested(65)}]`,
  "65 levels of arrays and objects in turn": `${'{"a":['.repeat(33)}${"]}".repeat(33)}`,
  "a byte order mark": bytes([0xef, 0xbb, 0xbf], "{}"),
  "UTF-16": bytes([0xff, 0xfe, 0x7b, 0, 0x7d, 0]),
  "a byte that is not UTF-8": bytes('{"a":"', [0xff], '"}'),
  "an overlong slash": bytes('{"a":"', [0xc0, 0xaf], '"}'),
  "half a surrogate pair in UTF-8": bytes('{"a":"', [0xed, 0xa0, 0x80], '"}'),
  "a sequence that is cut off": bytes('{"a":"', [0xe2, 0x82], '"}'),
  "trailing bytes": "{}x",
  "a second value": "{} {}",
  "a trailing comma": "[1,]",
  "a NUL at the end": "{}\0",
  "a comment": "/**/{}",
  "nothing": "",
  "NaN": "NaN",
};
for (const [what, body] of Object.entries(refused)) {
  for (const mediaType of ["application/json", "application/merge-patch+json; charset=utf-8"]) {
    Deno.test(`strict JSON refuses ${what} as ${mediaType}`, async () => {
      const response = await setup()(body, mediaType);
      const { code } = await response.json();
      assert.deepEqual([response.status, code], [400, "malformed_json"]);
    });
  }
}

Deno.test("`__proto__` in a body is an ordinary member", async () => {
  const response = await setup()('{"__proto__":{"admin":true}}');
  assert.equal(await response.text(), '{"read":{"__proto__":{"admin":true}}}');
});

Deno.test("bodies of other media types are not checked", async () => {
  const post = setup();
  for (const type of ["text/plain", "application/jsonp", "text/json", "application/x-ndjson"]) {
    const response = await post(`\ufeff${nested(70)}`, type, "/text");
    assert.equal(response.status, 200, type);
  }
});

for (const declared of [true, false]) {
  Deno.test(`a body over the limit is refused, ${declared ? "" : "un"}declared`, async () => {
    const post = setup({ maxBytes: 10 });
    const make = (size: number) =>
      declared ? "1".repeat(size) : new Blob(["1".repeat(size)]).stream();
    assert.equal((await post(make(10))).status, 200);
    const response = await post(make(11));
    assert.deepEqual([response.status, (await response.json()).code], [413, "payload_too_large"]);
  });
}

Deno.test("any JSON of at most 64 levels is read unchanged", async () => {
  const post = setup();
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 12 }), async (text) => {
      const response = await post(text);
      assert.equal(await response.text(), JSON.stringify({ read: JSON.parse(text) }));
    }),
    { numRuns: 200 },
  );
});
