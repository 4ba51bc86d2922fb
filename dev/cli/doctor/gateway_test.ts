import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  type DoctorContextOverrides,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { checkGateway } from "./gateway.ts";

const dev = { name: "running", pid: "1" } as const;

function look(respond: () => Response, doctorContext: DoctorContextOverrides = { dev }) {
  const requests: string[] = [];
  const effects = createEffects({
    request: (url, { host } = {}) => {
      requests.push(`${url} as ${host}`);
      return Promise.resolve(respond());
    },
  });
  return checkGateway(createDoctorContext(doctorContext), effects).then((found) => ({
    found,
    requests,
  }));
}

const readiness = (checks: Record<string, string>, status = 503) => () =>
  Response.json({ status: "", checks }, { status });

Deno.test("a gateway that is ready passes", async () => {
  const { found, requests } = await look(readiness({ revocation: "ready" }, 200));
  assert.deepEqual(allWell(found), ["/readyz says that it is ready"]);
  assert.deepEqual(requests, ["http://127.0.0.1:8787/readyz as 127.0.0.1:8787"]);
});

Deno.test("a gateway is checked on its port by its public name", async () => {
  const settings = { PORT: "8790", PUBLIC_ORIGIN: "https://learn.example.com" };
  const { requests } = await look(readiness({}, 200), { dev, settings });
  assert.deepEqual(requests, ["http://127.0.0.1:8790/readyz as learn.example.com"]);
  const deployed = await look(readiness({}, 200), { scope: "deployment", settings });
  assert.deepEqual(deployed.requests, ["https://learn.example.com/readyz as learn.example.com"]);
});

const lacks = {
  "revocation": "fix what redis reports above",
  "issuer user": "see that auth is running: it serves the keys",
  "issuer partner": "see that the jwks of this alias in ISSUERS serves usable keys",
};
for (const [name, fix] of Object.entries(lacks)) {
  Deno.test(`a gateway whose ${name} is not ready is reported`, async () => {
    const { found } = await look(readiness({ other: "ready", [name]: "not there" }));
    assert.equal(troubleOf(found), `fail: ${name} is not ready: not there → ${fix}`);
  });
}

Deno.test("a server that is not a gateway is reported", async () => {
  const { found } = await look(() => new Response("<html>", { status: 404 }));
  assert.equal(
    troubleOf(found),
    "fail: what answers /readyz is no gateway of ours (status 404)" +
      " → see that PORT and PUBLIC_ORIGIN lead to the gateway",
  );
});

Deno.test("a running dev whose gateway does not respond is reported", async () => {
  const found = await checkGateway(
    createDoctorContext({ dev, workspace: "/home-of-dev" }),
    createEffects(),
  );
  assert.equal(
    troubleOf(found),
    "fail: dev is running and nobody answers at PORT 8787" +
      " → read /home-of-dev/logs/gateway.jsonl, then end dev and start it again",
  );
});

Deno.test("a deployment whose gateway does not respond is a warning: it may not be started yet", async () => {
  const found = await checkGateway(createDoctorContext({ scope: "deployment" }), createEffects());
  assert.equal(
    troubleOf(found),
    "warn: nobody answers at PUBLIC_ORIGIN" +
      " → start the gateway, and see that PUBLIC_ORIGIN leads to it",
  );
});

Deno.test("the gateway of a dev that is not running is not checked", async () => {
  const { found, requests } = await look(readiness({}), { dev: { name: "killed", pid: "1" } });
  assert.deepEqual(allWell(found), ["not checked: dev is not running"]);
  assert.deepEqual(requests, []);
});
