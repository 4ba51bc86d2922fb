import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  type DoctorContextOverrides,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { checkClock } from "./clock.ts";

const noon = Date.UTC(2030, 0, 1, 12);
const running = { dev: { name: "running", pid: "1" } } as const;

/** Checks at noon by this machine's clock; the other's is so many seconds ahead. */
async function look(aheadSeconds: number, doctorContext: DoctorContextOverrides = running) {
  const requests: string[] = [];
  const found = await checkClock(
    createDoctorContext(doctorContext),
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
    assert.deepEqual(allWell((await look(ahead)).found), [
      "agrees with the gateway within the leeway of 5 s",
    ]);
  });
}

const fix = "set the clock, by timedatectl set-ntp true for one; LEEWAY_SECONDS is 5";
const skewed = [[6, "6 s behind"], [3600, "3600 s behind"], [-61, "60 s ahead of"]] as const;
for (const [ahead, words] of skewed) {
  Deno.test(`a clock ${words} another's is reported`, async () => {
    const { found } = await look(ahead);
    const expected = `fail: this machine's clock is ${words} that of the gateway → ${fix}`;
    assert.equal(troubleOf(found), expected);
  });
}

Deno.test("the clock is compared with an external Redis rather than with the local gateway", async () => {
  const settings = { UPSTASH_REDIS_REST_URL: "https://redis.example.com" };
  const { found, requests } = await look(9, { ...running, settings });
  assert.deepEqual(requests, ["https://redis.example.com"]);
  assert.match(troubleOf(found), /behind that of Redis/);
});

Deno.test("a wider leeway allows more", async () => {
  allWell((await look(60, { ...running, settings: { LEEWAY_SECONDS: "60" } })).found);
});

Deno.test("a clock with nothing beside it is not compared", async () => {
  const { found, requests } = await look(3600, {});
  assert.deepEqual(allWell(found), ["not compared: nothing else is running"]);
  assert.deepEqual(requests, []);
});

Deno.test("a server that does not respond leaves the clock uncompared", async () => {
  assert.equal(
    troubleOf(await checkClock(createDoctorContext(running), createEffects())),
    "warn: not compared: the gateway is silent → fix what gateway reports above",
  );
});

Deno.test("a response without a Date is no problem", async () => {
  const effects = createEffects({ request: () => Promise.resolve(new Response()) });
  assert.deepEqual(allWell(await checkClock(createDoctorContext(running), effects)), [
    "not compared: the gateway sends no Date",
  ]);
});
