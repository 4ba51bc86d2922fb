import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import type {
  Configuration,
  ConfigurationVersion,
  RolloutEntry,
} from "../dev/collector/configuration_api.ts";
import { askWhoIAm, bearer, demoLearner, logIn } from "./support/dev_people.ts";
import { type DevSystem, startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { waitUntil } from "./support/wait.ts";

const path = "/api/configuration";
const ofPage = { "x-edgepass-page": "1" };

function call(
  system: DevSystem,
  [method, at]: readonly [method: string, path: string],
  { headers = {}, body }: { headers?: Readonly<Record<string, string>>; body?: unknown } = {},
): Promise<Response> {
  return fetch(`http://127.0.0.1:${system.dashboardPort}${at}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function bodyOf<Body>(response: Promise<Response>): Promise<Body> {
  const { status, ...rest } = await response.then(async (one) => ({
    status: one.status,
    body: await one.json(),
  }));
  assert.equal(status, 200, JSON.stringify(rest.body));
  return rest.body;
}

async function refusalOf(response: Promise<Response>) {
  const { status, ...rest } = await response.then(async (one) => ({
    status: one.status,
    body: await one.json(),
  }));
  return { status, error: String(rest.body.error), details: rest.body.details };
}

Deno.test("only the dashboard's own page changes the central configuration", async (t) => {
  await using workspace = await temporaryWorkspace();
  await using system = await startDev({ workspace: workspace.path });
  const read = () => bodyOf<Configuration>(call(system, ["GET", path]));
  const rollout = () => bodyOf<RolloutEntry[]>(call(system, ["GET", `${path}/rollout`]));
  const put = (document: unknown, ifVersion: number, comment?: string) =>
    call(system, ["PUT", path], {
      headers: ofPage,
      body: { document, ifVersion, ...(comment === undefined ? {} : { comment }) },
    });
  const learner = await logIn(system, demoLearner);

  await t.step(
    "without a central configuration the environment applies, and no secret is shown",
    async () => {
      const found = await read();
      assert.deepEqual([found.inForce.version, found.history.items], [0, []]);
      const base = new Map(found.base.map(({ path: at, value }) => [at, value]));
      assert.equal(base.get("gateway.passportTtlSeconds"), "30");
      const settings = parseEnv(await Deno.readTextFile(`${workspace.path}/dev.env`));
      for (const name of ["ADMIN_PASSWORD", "PASSPORT_KEYS", "UPSTASH_REDIS_REST_TOKEN"]) {
        assert.ok(!JSON.stringify(found).includes(settings[name] ?? assert.fail(name)), name);
      }
    },
  );

  await t.step("only the page's own script can change anything", async () => {
    const body = { document: { gateway: { logLevel: "debug" } }, ifVersion: 0 };
    const crossSite = [
      {},
      { ...ofPage, origin: "http://evil.test" },
      { ...ofPage, "sec-fetch-site": "cross-site" },
    ];
    for (const headers of crossSite) {
      for (const target of [["PUT", path], ["POST", `${path}/rollback`]] as const) {
        const { status } = await refusalOf(call(system, target, { headers, body }));
        assert.equal(status, 403, `${target} ${JSON.stringify(headers)}`);
      }
    }
    const text = { ...ofPage, "content-type": "text/plain" };
    assert.equal(
      (await refusalOf(call(system, ["PUT", path], { headers: text, body }))).status,
      415,
    );
    assert.equal((await read()).inForce.version, 0);
  });

  await t.step(
    "a change takes effect with the next request, and shows which programs applied it",
    async () => {
      const document = { gateway: { limits: { person: { limit: 1, windowSeconds: 3600 } } } };
      const made = await bodyOf<ConfigurationVersion>(put(document, 0, "One a hour"));
      assert.deepEqual([made.version, made.comment], [1, "One a hour"]);
      const found = await read();
      assert.deepEqual(found.inForce.document, document);
      assert.equal(found.inForce.changedBy, found.administratorId);
      const statuses = [];
      for (let at = 0; at < 3; at++) statuses.push((await askWhoIAm(system, learner)).slice(0, 3));
      assert.deepEqual(statuses, ["200", "429", "429"]);
      await waitUntil("gateway, auth and user report it", async () => {
        const taken = (await rollout()).filter(({ version }) => version === 1);
        const names = taken.map(({ service }) => service);
        return ["gateway", "auth", "user"].every((name) => names.includes(name));
      }, 5_000);
    },
  );

  await t.step(
    "an invalid document names its errors, an outdated one is refused, and nothing changes",
    async () => {
      const unfit = await refusalOf(put({ gateway: { logLevel: "loud" } }, 1));
      assert.deepEqual([unfit.status, unfit.details?.[0]?.path], [422, "gateway.logLevel"]);
      const late = await refusalOf(put({}, 0));
      assert.equal(late.status, 409);
      const based = await refusalOf(
        call(system, ["PUT", path], { headers: ofPage, body: { document: {} } }),
      );
      assert.equal(based.status, 400);
      assert.equal((await read()).inForce.version, 1);
    },
  );

  await t.step("the event stream reports a version made elsewhere", async () => {
    const aborter = new AbortController();
    const stream = await fetch(`http://127.0.0.1:${system.dashboardPort}/api/stream`, {
      signal: aborter.signal,
    });
    const { ADMIN_EMAIL: email = "", ADMIN_PASSWORD: password = "" } = parseEnv(
      await Deno.readTextFile(`${workspace.path}/dev.env`),
    );
    const token = await logIn(system, { email, password });
    const response = await system.fetch("/admin/configuration", {
      method: "PUT",
      headers: { ...bearer(token), "content-type": "application/json" },
      body: JSON.stringify({ document: { gateway: { logLevel: "error" } } }),
    });
    assert.equal(response.status, 200);
    await response.body?.cancel();
    let text = "";
    for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (/event: configuration\n.*\ndata: {"version":2}\n/.test(text)) break;
    }
    assert.match(text, /"version":2/);
    aborter.abort();
  });

  await t.step("an older document can be read, and restored as a new version", async () => {
    const old = await bodyOf<ConfigurationVersion>(call(system, ["GET", `${path}/history/1`]));
    assert.equal(old.comment, "One a hour");
    const none = await refusalOf(call(system, ["GET", `${path}/history/9`]));
    assert.deepEqual([none.status, none.error], [404, "There is no such version"]);
    const rollBack = (ifVersion: number) =>
      call(system, ["POST", `${path}/rollback`], {
        headers: ofPage,
        body: { version: 1, ifVersion },
      });
    assert.equal((await refusalOf(rollBack(1))).status, 409);
    const back = await bodyOf<ConfigurationVersion>(rollBack(2));
    assert.deepEqual([back.version, back.document], [3, old.document]);
    assert.deepEqual((await read()).history.items.map(({ version }) => version), [3, 2, 1]);
  });
});
