import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  type DoctorContextOverrides,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { checkClock, checkGateway } from "./gateway.ts";

const dev = { name: "running", pid: "1" } as const;

function look(respond: () => Response, context: DoctorContextOverrides = { dev }) {
  const requests: string[] = [];
  const effects = createEffects({
    request: (url, { host } = {}) => {
      requests.push(`${url} as ${host}`);
      return Promise.resolve(respond());
    },
  });
  return checkGateway(createDoctorContext(context), effects).then((found) => ({
    found,
    requests,
  }));
}

const readiness = (checks: Record<string, string>, status = 503) => () =>
  Response.json({ status: "", checks }, { status });

Deno.test("a gateway that is ready passes", async () => {
  const { found, requests } = await look(readiness({ revocation: "ready" }, 200));
  assert.deepEqual(allWell(found), ["/readyz reports ready"]);
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
  "issuer user": "check that auth is running: it serves the keys",
  "issuer partner": "fix what issuers reports above",
};
for (const [name, fix] of Object.entries(lacks)) {
  Deno.test(`a gateway whose ${name} is not ready is reported`, async () => {
    const { found } = await look(readiness({ other: "ready", [name]: "not there" }));
    assert.equal(troubleOf(found), `fail: ${name} is not ready: not there → ${fix}`);
  });
}

Deno.test("a ready gateway that one issuer is away from is a warning: the others are served", async () => {
  const { found } = await look(readiness({ "issuer user": "ready", "issuer corp": "away" }, 200));
  assert.equal(
    troubleOf(found),
    "warn: issuer corp is not ready: away → fix what issuers reports above",
  );
});

Deno.test("a server that is not a gateway is reported", async () => {
  const { found } = await look(() => new Response("<html>", { status: 404 }));
  assert.equal(
    troubleOf(found),
    "fail: the server of /readyz is not this gateway (status 404)" +
      " → check that PORT and PUBLIC_ORIGIN lead to the gateway",
  );
});

Deno.test("a running dev whose gateway does not respond is reported", async () => {
  const found = await checkGateway(
    createDoctorContext({ dev, workspace: "/home-of-dev" }),
    createEffects(),
  );
  assert.equal(
    troubleOf(found),
    "fail: dev is running, but there is no response from PORT 8787" +
      " → read /home-of-dev/logs/gateway.jsonl, then end dev and start it again",
  );
});

Deno.test("a deployment whose gateway does not respond is a warning: it may not be started yet", async () => {
  const found = await checkGateway(createDoctorContext({ scope: "deployment" }), createEffects());
  assert.equal(
    troubleOf(found),
    "warn: no response from PUBLIC_ORIGIN" +
      " → start the gateway, and check that PUBLIC_ORIGIN leads to it",
  );
});

Deno.test("the gateway of a dev that is not running is not checked", async () => {
  const { found, requests } = await look(readiness({}), { dev: { name: "killed", pid: "1" } });
  assert.deepEqual(allWell(found), ["not checked: dev is not running"]);
  assert.deepEqual(requests, []);
});

const noon = Date.UTC(2030, 0, 1, 12);
const running = { dev: { name: "running", pid: "1" } } as const;

/** Checks at noon by this machine's clock; the other's is so many seconds ahead. */
async function lookAtClock(aheadSeconds: number, context: DoctorContextOverrides = running) {
  const requests: string[] = [];
  const found = await checkClock(
    createDoctorContext(context),
    createEffects({
      now: () => noon,
      request: (url) => {
        requests.push(url);
        const date = new Date(noon + aheadSeconds * 1000).toUTCString();
        return Promise.resolve(new Response(null, { headers: { date } }));
      },
    }),
  );
  return { found, requests };
}

for (const ahead of [-6, -5, 0, 5]) {
  Deno.test(`a clock that is ${ahead} s ahead is within the leeway`, async () => {
    assert.deepEqual(allWell((await lookAtClock(ahead)).found), [
      "agrees with the gateway within the leeway of 5 s",
    ]);
  });
}

const fix = "set the clock, by timedatectl set-ntp true for one; LEEWAY_SECONDS is 5";
const skewed = [[6, "6 s behind"], [3600, "3600 s behind"], [-61, "60 s ahead of"]] as const;
for (const [ahead, words] of skewed) {
  Deno.test(`a clock ${words} another's is reported`, async () => {
    const { found } = await lookAtClock(ahead);
    const expected = `fail: this machine's clock is ${words} that of the gateway → ${fix}`;
    assert.equal(troubleOf(found), expected);
  });
}

Deno.test("the clock is compared with an external Redis rather than with the local gateway", async () => {
  const settings = { UPSTASH_REDIS_REST_URL: "https://redis.example.com" };
  const { found, requests } = await lookAtClock(9, { ...running, settings });
  assert.deepEqual(requests, ["https://redis.example.com"]);
  assert.match(troubleOf(found), /behind that of Redis/);
});

Deno.test("a wider leeway allows more", async () => {
  allWell((await lookAtClock(60, { ...running, settings: { LEEWAY_SECONDS: "60" } })).found);
});

Deno.test("a clock with nothing beside it is not compared", async () => {
  const { found, requests } = await lookAtClock(3600, {});
  assert.deepEqual(allWell(found), ["not compared: nothing else is running"]);
  assert.deepEqual(requests, []);
});

Deno.test("a server that does not respond leaves the clock uncompared", async () => {
  assert.equal(
    troubleOf(await checkClock(createDoctorContext(running), createEffects())),
    "warn: not compared: the gateway does not respond → fix what gateway reports above",
  );
});

Deno.test("a response without a Date is no problem", async () => {
  const effects = createEffects({ request: () => Promise.resolve(new Response()) });
  assert.deepEqual(allWell(await checkClock(createDoctorContext(running), effects)), [
    "not compared: the gateway sends no Date",
  ]);
});
