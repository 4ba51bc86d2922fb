import assert from "node:assert/strict";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { createPassports } from "../../tests/support/passports.ts";
import { expectProblem } from "../../tests/support/services.ts";
import { currentContext, type RequestContext } from "../context/request_context.ts";
import { Problem } from "../problem.ts";
import { requireRole } from "./route.ts";
import { requirePassport } from "./require_passport.ts";
import { createServiceRuntime } from "./service_runtime.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;

/** An existing app behind the middleware, and the contexts and log lines of its requests. */
function setup(level = "debug") {
  const passports = createPassports();
  const lines: Record<string, unknown>[] = [];
  const runtime = createServiceRuntime({ ...passports.bindings, LOG_LEVEL: level }, {
    sink: (line) => void lines.push(JSON.parse(line)),
  });
  const contexts: (RequestContext | undefined)[] = [];
  const app = new Hono()
    .use(requirePassport({ name: "reports", runtime, open: ["/health"] }))
    .get("/health", (c) => c.text("fine"))
    .all("/mine", (c) => {
      contexts.push(currentContext());
      return c.json({ of: c.var.passport.sub });
    });
  return { app, contexts, lines, passports };
}

async function request(
  { app, passports }: ReturnType<typeof setup>,
  path: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const passport = await passports.sign({ sub: "user:ann", roles: ["learner"] });
  return await app.request(path, { headers: { "x-passport": passport, ...headers } });
}

Deno.test("an existing app gets the caller's Passport", async () => {
  const service = setup();
  assert.deepEqual(await (await request(service, "/mine")).json(), { of: "user:ann" });
});

const refused = {
  "no Passport": [{}, 401, "passport_required"],
  "an empty Passport": [{ "x-passport": "" }, 401, "passport_invalid"],
  "a malformed Passport": [{ "x-passport": "a.b.c" }, 401, "passport_invalid"],
  "a Passport under another name": [{ "x_passport": "{valid}" }, 401, "passport_required"],
  "two Passports": [{ "x-passport": "{valid}, {valid}" }, 401, "passport_invalid"],
  "an access token": [{ authorization: "Bearer {valid}" }, 401, "passport_required"],
  "a budget that is used up": [
    { "x-passport": "{valid}", "x-deadline-ms": "0" },
    504,
    "upstream_timeout",
  ],
} as const;
for (const [what, [headers, status, code]] of Object.entries(refused)) {
  Deno.test(`the middleware refuses ${what} before the app runs`, async () => {
    const { app, contexts, passports } = setup();
    const valid = await passports.sign();
    const sent = Object.entries(headers).map(([name, value]): [string, string] => [
      name,
      value.replaceAll("{valid}", valid),
    ]);
    await expectProblem(app.request("/mine", { headers: sent }), status, code);
    assert.deepEqual(contexts, []);
  });
}

Deno.test("a Passport of another trust domain is refused, and only the log has the reason", async () => {
  const { app, contexts, lines } = setup();
  const passport = await createPassports().sign();
  await expectProblem(
    app.request("/mine", { headers: { "x-passport": passport } }),
    401,
    "passport_invalid",
  );
  assert.deepEqual(contexts, []);
  assert.equal(lines.find(({ message }) => message === "Passport refused")?.reason, "signature");
  assert.ok(!JSON.stringify(lines).includes(passport.slice(0, 12)));
});

for (const path of ["/health/", "/HEALTH", "/health%2f", "/health/x", "/x/../mine", "//health"]) {
  Deno.test(`${path} is not the open path /health`, async () => {
    const { app } = setup();
    await expectProblem(app.request(path), 401, "passport_required");
  });
}

Deno.test("an open path requires no Passport and is logged at debug", async () => {
  const service = setup();
  assert.equal(await (await service.app.request("/health")).text(), "fine");
  await request(service, "/mine");
  assert.deepEqual(
    service.lines.map(({ level, path, status, sub }) => [level, path, status, sub]),
    [["debug", "/health", 200, undefined], ["info", "/mine", 200, "user:ann"]],
  );
});

Deno.test("a request continues its caller's trace with its own span", async () => {
  const service = setup();
  await request(service, "/mine", { traceparent });
  const trace = service.contexts[0]?.trace;
  assert.equal(trace?.traceId, traceId);
  assert.notEqual(trace?.spanId, "00f067aa0ba902b7");
  assert.equal(service.lines[0]?.traceId, traceId);
});

Deno.test("a problem response has the trace id of its caller", async () => {
  const { app } = setup();
  const response = await app.request("/mine", { headers: { traceparent } });
  assert.equal((await response.json()).traceId, traceId);
});

Deno.test("the context has the unchanged Passport, the call chain and the deadline", async () => {
  const service = setup();
  const passport = await service.passports.sign();
  await request(service, "/mine", {
    "x-passport": passport,
    "x-deadline-ms": "60000",
    "x-call-chain": "gateway,course",
  });
  const [context] = service.contexts;
  assert.equal(context?.passportToken, passport);
  assert.deepEqual(context?.callChain, ["gateway", "course", "reports"]);
  assert.ok(context?.deadline !== undefined && context.deadline > Date.now());
});

Deno.test("a long call chain is cut to the eight entries that loop detection needs", async () => {
  const service = setup();
  const long = Array.from({ length: 500 }, (_, at) => `s${at}`).join(",");
  await request(service, "/mine", { "x-call-chain": long });
  assert.equal(service.contexts[0]?.callChain.length, 8);
  assert.equal(service.contexts[0]?.callChain.at(-1), "reports");
});

class OutOfPaper extends Error {}

const thrown = {
  "a role that is missing": [
    () => {
      throw new Problem("forbidden", { detail: "Not yours" });
    },
    403,
    "forbidden",
  ],
  "an unexpected error": [
    () => {
      throw new Error("db at 10.0.0.1 says no");
    },
    500,
    "internal",
  ],
  "Hono's refusal of malformed JSON": [
    () => {
      throw new HTTPException(400);
    },
    400,
    "malformed_json",
  ],
} as const;
for (const [what, [fail, status, code]] of Object.entries(thrown)) {
  Deno.test(`an error of a handler becomes problem details: ${what}`, async () => {
    const service = setup();
    service.app.get("/fails", fail);
    service.app.onError((_error, c) => c.text("stack", 500));
    const response = await request(service, "/fails");
    assert.ok(!(await response.clone().text()).includes("10.0.0.1"));
    await expectProblem(response, status, code);
  });
}

Deno.test("an app's own responses to its own errors stay unchanged", async () => {
  const service = setup();
  service.app.get("/prints", () => {
    throw new OutOfPaper("no paper");
  });
  service.app.get("/teapot", () => {
    throw new HTTPException(418, { message: "short and stout" });
  });
  service.app.onError((error, c) =>
    error instanceof HTTPException ? error.getResponse() : c.json({ why: "paper" }, 409)
  );
  const printed = await request(service, "/prints");
  assert.deepEqual([printed.status, await printed.json()], [409, { why: "paper" }]);
  const teapot = await request(service, "/teapot");
  assert.deepEqual([teapot.status, await teapot.text()], [418, "short and stout"]);
});

Deno.test("requireRole in a handler admits the role and refuses others", async () => {
  const service = setup();
  service.app.get("/all", (c) => {
    requireRole(currentContext()!.passport!, "learner"); // This path is not open.
    return c.text("all");
  });
  assert.equal((await request(service, "/all")).status, 200);
  const other = await service.passports.sign({ sub: "svc:course" });
  await expectProblem(request(service, "/all", { "x-passport": other }), 403, "forbidden");
});
