import assert from "node:assert/strict";
import { setUp } from "./events_setup.ts";
import { createAnsi } from "../terminal/text.ts";
import { openQstash } from "@edgepass/local/qstash";
import { serviceNames } from "../workspace/settings.ts";

const token = "qstash-token-of-a-test";

/** A QStash and a gateway whose services refuse unsigned deliveries. */
function setup({ refusal = "event_signature_invalid" }: { refusal?: string } = {}) {
  const qstash = openQstash({ token, path: ":memory:" });
  const server = serve((request) => qstash.handler(request));
  const gateway = serve((request) => {
    const { pathname } = new URL(request.url);
    return request.method === "POST" && /^\/events\/\w+(\/failed)?$/.test(pathname)
      ? Response.json({ code: refusal }, { status: 401 })
      : Response.json({ code: "not_found" }, { status: 404 });
  });
  const { current, next } = qstash.keys();
  const variables = {
    PUBLIC_ORIGIN: gateway.url,
    QSTASH_URL: server.url,
    QSTASH_TOKEN: token,
    QSTASH_CURRENT_SIGNING_KEY: current,
    QSTASH_NEXT_SIGNING_KEY: next,
  };
  const send = async (method: string, path: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return await (await fetch(`${server.url}${path}`, { method, headers })).json();
  };
  return {
    variables,
    send,
    stopGateway: gateway.close,
    run: (more: Readonly<Record<string, string>> = {}, ...args: string[]) =>
      setUp(args, { ...variables, ...more }, createAnsi(false)),
    async [Symbol.asyncDispose]() {
      await qstash.close();
      await Promise.all([server.close(), gateway.close()]);
    },
  };
}

function serve(handler: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  return { url: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

/** The states of a report by check. */
function statesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(ok|warn|fail) +(\w+) /gm)].map(([, state, check]) => [check, state]),
  );
}

const well = {
  ...{ address: "ok", keys: "ok", dlq: "ok", schedule: "ok" },
  ...Object.fromEntries(serviceNames.map((name) => [name, "ok"])),
};

Deno.test("events:setup passes a correct system, and creates nothing", async () => {
  await using made = setup();
  const { code, text } = await made.run();
  assert.deepEqual([code, statesOf(text)], [0, well]);
  assert.match(text, /no schedule is needed/);
  assert.deepEqual(await made.send("GET", "/v2/schedules"), []);
});

Deno.test("events:setup --wake creates one schedule, however often it is repeated", async () => {
  await using made = setup();
  const first = await made.run({}, "--wake");
  assert.match(
    first.text,
    /created: the schedule edgepass-wake calls .*\/livez by \*\/5 \* \* \* \*/,
  );
  const second = await made.run({}, "--wake");
  assert.doesNotMatch(second.text, /created: /);
  assert.deepEqual([first.code, second.code], [0, 0]);
  const schedules = await made.send("GET", "/v2/schedules");
  assert.deepEqual(
    schedules.map(({ destination, method }: Record<string, string>) => [destination, method]),
    [[`${made.variables.PUBLIC_ORIGIN}/livez`, "GET"]],
  );
  assert.match((await made.run()).text, /the schedule edgepass-wake calls/);
});

Deno.test("events:setup distinguishes keys that were rolled once from keys that were rolled twice [E07]", async () => {
  await using made = setup();
  await made.send("POST", "/v2/keys/rotate");
  const once = await made.run();
  assert.deepEqual([once.code, statesOf(once.text)], [0, { ...well, keys: "warn" }]);
  await made.send("POST", "/v2/keys/rotate");
  const twice = await made.run();
  assert.deepEqual([twice.code, statesOf(twice.text)], [1, { ...well, keys: "fail" }]);
  for (const secret of Object.values(made.variables).slice(2)) {
    assert.ok(!`${once.text}${twice.text}`.includes(secret));
  }
});

const faults = {
  "a token that is refused": [{ QSTASH_TOKEN: "another" }, /QStash refuses the token/],
  "a QStash that is not there": [{ QSTASH_URL: "http://127.0.0.1:9" }, /cannot be reached/],
} as const;
for (const [what, [more, expected]] of Object.entries(faults)) {
  Deno.test(`events:setup reports ${what}, once`, async () => {
    await using made = setup();
    const { code, text } = await made.run(more);
    assert.equal(code, 1);
    assert.match(text, expected);
    assert.equal(statesOf(text).keys, "fail");
    assert.equal(text.match(/^fail /gm)?.length, 1);
  });
}

Deno.test("events:setup reports a system that refuses deliveries", async () => {
  await using other = setup({ refusal: "authentication_required" });
  const { code, text } = await other.run();
  assert.equal(code, 1);
  assert.match(text, /\/events\/user does not accept deliveries: .* 401 authentication_required/);
  await using gone = setup();
  await gone.stopGateway();
  const away = await gone.run();
  assert.equal(away.code, 1);
  assert.deepEqual(
    statesOf(away.text),
    { ...well, ...Object.fromEntries(serviceNames.map((name) => [name, "fail"])) },
  );
});

Deno.test("events:setup reports an origin that QStash cannot reach", async () => {
  await using made = setup();
  const { code, text } = await made.run({ QSTASH_URL: "https://qstash.invalid" });
  assert.equal(code, 1);
  assert.match(text, /^fail +address +PUBLIC_ORIGIN http:\/\/127\.0\.0\.1:\d+ is on this machine/m);
});

Deno.test("events:setup reports missing settings and its usage", async () => {
  await using made = setup();
  const { QSTASH_TOKEN: _token, ...others } = made.variables;
  const ansi = createAnsi(false);
  const workspace = await Deno.makeTempDir();
  const lost = await setUp([], { ...others, EDGEPASS_HOME: workspace }, ansi);
  await Deno.remove(workspace);
  assert.equal(lost.code, 1);
  assert.match(lost.text, /dev\.env cannot be read/);
  const { QSTASH_URL: _url, ...halved } = made.variables;
  const half = await setUp([], halved, ansi);
  assert.deepEqual(half, { code: 1, text: "Cannot start: QSTASH_URL is missing" });
  assert.equal((await made.run({}, "--sleep")).code, 2);
});
