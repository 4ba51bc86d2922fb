import assert from "node:assert/strict";
import {
  dataOf,
  type Environment,
  logIn,
  newPerson,
  type Person,
  signUp,
} from "./suite/product_environment.ts";
import { startUpstream } from "./suite/gateway_upstreams.ts";
import { startCollector } from "./support/collector.ts";
import { readClaims } from "./support/auth_service.ts";
import { waitUntil } from "./support/wait.ts";
import { type Target, targets } from "./targets.ts";

type Send = Environment["send"];
type Document = Readonly<Record<string, unknown>>;

const path = "/admin/configuration";
const writtenWithinMs = 10_000;

for (
  const placement of ["Deno, all in one", "Deno, split", "workerd, all in one"] as const
) {
  Deno.test(`a change of the central configuration takes effect at run time: ${placement}`, async (t) => {
    await using collector = startCollector();
    await using echo = startUpstream();
    await using target = await targets[placement]({
      LOG_LEVEL: "error",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_LOGS_EXPORTER: "otlp",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      SLOW_REQUEST_MS: "600000",
      ROUTES: JSON.stringify([
        { prefix: "/slow", upstream: echo.url, access: "public", timeoutMs: 30_000 },
      ]),
    });
    const { host } = new URL(echo.url);
    const send = createSend(target);
    const admin = await logIn(send, target.admin);
    const learner = await newPerson(send, admin, ["learner"]);
    const put = (document: Document, more: object = {}) =>
      send({ method: "PUT", path, bearer: admin.token, body: { document, ...more } });
    const putInForce = async (document: Document, more: object = {}) =>
      Number((await dataOf(put(document, more))).version);
    const read = () => dataOf(send({ path, bearer: admin.token }));
    /**
     * A public route does not read Redis, so a protected request makes instances observe a new
     * version.
     */
    const observe = () => discard(send({ path: "/users/me", bearer: learner.token }));
    const route = (prefix: string, access: unknown = "public") => ({
      prefix,
      upstream: echo.url,
      access,
    });

    await t.step("without a configuration, the version is 0", async () => {
      assert.deepEqual(await read(), {
        version: 0,
        document: {},
        changedAt: null,
        changedBy: null,
        comment: null,
        changed: [],
      });
    });

    await t.step("only an administrator may read or change it", async () => {
      const body = { document: {} };
      const requests = [
        { path },
        { path: `${path}/history` },
        { path: `${path}/history/1` },
        { method: "PUT", path, body },
        { method: "POST", path: `${path}/rollback`, body: { version: 1 } },
      ];
      for (const request of requests) {
        const refused = await send({ ...request, bearer: learner.token });
        assert.deepEqual([refused.status, await codeOf(refused)], [403, "forbidden"]);
        const anonymous = await send(request);
        assert.deepEqual([anonymous.status, await codeOf(anonymous)], [
          401,
          "authentication_required",
        ]);
      }
      assert.equal((await read()).version, 0);
    });

    await t.step(
      "a new route is served from the next request on, and a removed one is not",
      async () => {
        assert.equal((await send({ path: "/echo/a" })).status, 404);
        const document = { gateway: { routes: [route("/echo")] } };
        const version = await putInForce(document, { ifVersion: 0, comment: "An echo" });
        assert.equal(version, 1);
        const served = await send({ path: "/echo/a?b=c" });
        assert.equal(served.status, 200);
        await served.body?.cancel();
        assert.equal(echo.last().target, "/echo/a?b=c");
        assert.equal(passportOf(echo.last().headers).cfg, 1);

        const seen = await read();
        assert.deepEqual(
          [seen.version, seen.document, seen.changedBy, seen.comment, seen.changed],
          [
            1,
            document,
            admin.id,
            "An echo",
            ["gateway.routes"],
          ],
        );
        await putInForce({ gateway: { routes: [route("/echo", "authenticated")] } });
        const bearer = learner.token;
        await observe();
        assert.equal((await discard(send({ path: "/echo/a" }))).status, 401);
        assert.equal((await discard(send({ path: "/echo/a", bearer }))).status, 200);
        await putInForce({});
        assert.equal((await discard(send({ path: "/echo/a", bearer }))).status, 404);
      },
    );

    await t.step(
      "an invalid document is refused with its errors, and changes nothing",
      async () => {
        const before = await read();
        const refused: Readonly<Record<string, Document>> = {
          "document.gateway.routes.1.prefix": { gateway: { routes: [route("/a"), route("/a/")] } },
          "document.gateway.routes.0.access": {
            gateway: { routes: [{ prefix: "/a", upstream: echo.url }] },
          },
          "document.gateway.routes.0.upstream": {
            gateway: { routes: [{ ...route("/a"), upstream: `${echo.url}/x` }] },
          },
          "document.gateway.routes.0.timeoutMs": {
            gateway: { routes: [{ ...route("/a"), timeoutMs: 31_000 }] },
          },
          "document.services.auth.accessTokenTtlSeconds": {
            services: { auth: { accessTokenTtlSeconds: 901 } },
          },
          "document.services.user.dependencies.auth.breaker.openMs": {
            services: { user: { dependencies: { auth: { breaker: { openMs: -1 } } } } },
          },
          // Auth knows the rows of ROUTES where it has the gateway's environment.
          [`document.gateway.dependencies.${host}.breaker.slowCallMs`]: {
            gateway: { dependencies: { [host]: { breaker: { slowCallMs: 29_999 } } } },
          },
          "document.gateway.secretKey": { gateway: { secretKey: "marker" } },
          "document.nothing": { nothing: 1 },
        };
        for (const [place, document] of Object.entries(refused)) {
          const response = await put(document);
          assert.equal(response.status, 422, place);
          const { error } = await response.json();
          assert.equal(error.code, "validation_failed");
          assert.deepEqual(error.details.map((one: { path: string }) => one.path), [place]);
          assert.ok(
            error.details[0].message.length > 5 && !JSON.stringify(error).includes("marker"),
          );
        }
        const body = { document: {}, ifVersion: 1, extra: true };
        assert.equal(
          (await discard(send({ method: "PUT", path, bearer: admin.token, body }))).status,
          422,
        );
        assert.deepEqual(await read(), before);
      },
    );

    await t.step("a change based on an outdated version is refused", async () => {
      const { version } = await read();
      const late = await put({ gateway: { logLevel: "warn" } }, { ifVersion: Number(version) - 1 });
      assert.deepEqual([late.status, await codeOf(late)], [409, "conflict"]);
      assert.equal((await read()).version, version);
      // A repeated identical change succeeds: a client that missed the first response may retry.
      assert.equal(await putInForce({}, { ifVersion: 1 }), version);
    });

    await t.step("of many changes based on one version, one succeeds", async () => {
      const version = Number((await read()).version);
      const responses = await Promise.all(
        Array.from(
          { length: 6 },
          (_, at) =>
            put({ services: { auth: { refreshTokenTtlSeconds: 1_000 + at } } }, {
              ifVersion: version,
            }),
        ),
      );
      const statuses = responses.map(({ status }) => status).toSorted();
      assert.deepEqual(statuses, [200, 409, 409, 409, 409, 409]);
      await Promise.all(responses.map((response) => response.body?.cancel()));
      assert.equal((await read()).version, version + 1);
    });

    await t.step("lifetimes of tokens and Passports change with the next login", async () => {
      await putInForce({
        gateway: { passportTtlSeconds: 77, routes: [route("/echo")] },
        services: { auth: { accessTokenTtlSeconds: 123, refreshTokenTtlSeconds: 456 } },
      });
      await observe();
      assert.equal((await tokens(send, learner)).expiresIn, 123);
      const other = await signUp(send);
      const { token } = await logIn(send, other);
      const claims = readClaims(token);
      assert.equal(Number(claims.exp) - Number(claims.iat), 123);
      await discard(send({ path: "/echo", bearer: token }));
      const passport = passportOf(echo.last().headers);
      assert.equal(Number(passport.exp) - Number(passport.iat), 77);
      await putInForce({});
      await observe();
      assert.equal((await tokens(send, learner)).expiresIn, 600);
    });

    await t.step(
      "a service logs at the configured level, and stops when it is raised again",
      async () => {
        const lines = () =>
          collector.bodies.filter(({ path }) => path === "/v1/logs")
            .map(({ text }) => text).join("\n");
        const traceOf = async (): Promise<string> => {
          const response = await discard(send({ path: "/users/me", bearer: learner.token }));
          return response.headers.get("x-trace-id") ?? "";
        };
        await putInForce({ services: { user: { logLevel: "info" } } });
        const traced = await traceOf();
        // Log lines leave with the next request where an export was already running.
        const isWritten = (traceId: string) => async () => {
          await observe();
          return lines().includes(traceId);
        };
        await waitUntil("the line of the service", isWritten(traced), writtenWithinMs);
        await putInForce({});
        const unreported = await traceOf();
        await putInForce({ services: { user: { logLevel: "info" } } });
        const last = await traceOf();
        await waitUntil("a later line", isWritten(last), writtenWithinMs);
        assert.ok(!lines().includes(unreported));
      },
    );

    await t.step("an earlier version is restored as a new, higher version", async () => {
      const history = await dataOf(send({ path: `${path}/history?limit=2`, bearer: admin.token }));
      const { version } = await read();
      assert.ok(Array.isArray(history.items) && typeof history.nextCursor === "string");
      const newest: unknown[] = history.items.map(({ version }) => version);
      assert.deepEqual(newest, [Number(version), Number(version) - 1]);
      const rollBack = (to: number) =>
        send({
          method: "POST",
          path: `${path}/rollback`,
          bearer: admin.token,
          body: { version: to },
        });
      const back = await dataOf(rollBack(1));
      assert.deepEqual([back.version, back.document, back.comment], [
        Number(version) + 1,
        { gateway: { routes: [route("/echo")] } },
        "Back to version 1",
      ]);
      assert.equal((await discard(send({ path: "/echo/again" }))).status, 200);
      const unknown = await rollBack(9_999);
      assert.deepEqual([unknown.status, await codeOf(unknown)], [404, "not_found"]);
    });

    await t.step("an emptied Redis is rebuilt with the current version", async () => {
      const { version, document } = await read();
      await target.flushRedis();
      const bearer = learner.token;
      await waitUntil(
        "the rebuild",
        async () => (await discard(send({ path: "/users/me", bearer }))).status === 200,
        writtenWithinMs,
      );
      assert.equal(await redis(target, "GET", "cfg"), String(version));
      assert.deepEqual(JSON.parse(String(await redis(target, "GET", "cfg:doc"))), {
        version,
        document,
      });
      assert.equal((await discard(send({ path: "/echo/still", bearer }))).status, 200);
      assert.equal(passportOf(echo.last().headers).cfg, version);
    });

    await t.step(
      "garbage in Redis changes nothing, and the next version takes effect",
      async () => {
        const { version } = await read();
        await redis(target, "SET", "cfg:doc", "garbage");
        for (const text of ["1", "x", String(Number(version) + 50)]) {
          await redis(target, "SET", "cfg", text);
          const bearer = learner.token;
          assert.equal((await discard(send({ path: "/echo/a", bearer }))).status, 200, text);
          assert.equal(passportOf(echo.last().headers).cfg, version);
        }
        await putInForce({});
        await observe();
        assert.equal((await discard(send({ path: "/echo/a" }))).status, 404);
      },
    );

    await t.step(
      "a version that Redis missed is stored, and published when Redis is back",
      async () => {
        target.setRedisReadOnly(true);
        const document = { gateway: { routes: [route("/late")] } };
        const refused = await put(document);
        assert.deepEqual([refused.status, await codeOf(refused)], [503, "store_unavailable"]);
        target.setRedisReadOnly(false);
        const version = Number((await read()).version);
        assert.equal(await putInForce(document), version);
        assert.equal((await discard(send({ path: "/late" }))).status, 200);
      },
    );

    await t.step(
      "more routes than an environment variable can hold are accepted and served",
      async () => {
        const many = Array.from({ length: 2_000 }, (_, at) => route(`/bulk/service-${at}`));
        assert.ok(JSON.stringify(many).length > 131_072);
        await putInForce({ gateway: { routes: many } });
        assert.equal((await discard(send({ path: "/bulk/service-1999/x" }))).status, 200);
        assert.equal((await discard(send({ path: "/bulk/service-2000/x" }))).status, 404);
      },
    );

    await t.step("under load no response is wrong while versions change", async () => {
      const bearer = learner.token;
      let isOver = false;
      const statuses = new Map<number, number>();
      const load = Array.from({ length: 8 }, async () => {
        while (!isOver) {
          const { status } = await discard(send({ path: "/users/me", bearer }));
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      });
      for (let at = 0; at < 6; at++) {
        await putInForce({ gateway: { routes: [route(`/round-${at}`, "authenticated")] } });
        const probes = await Promise.all(
          Array.from({ length: 8 }, () => discard(send({ path: `/round-${at}`, bearer }))),
        );
        assert.deepEqual([...new Set(probes.map(({ status }) => status))], [200]);
      }
      isOver = true;
      await Promise.all(load);
      assert.deepEqual([...statuses.keys()], [200]);
    });
  });
}

function createSend(target: Target): Send {
  return ({ method = "GET", path, bearer, headers = {}, body }) =>
    target.fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
}

async function codeOf(response: Response): Promise<unknown> {
  return (await response.json()).error?.code;
}

async function discard(pending: Promise<Response>): Promise<Response> {
  const response = await pending;
  await response.body?.cancel();
  return response;
}

async function tokens(send: Send, { email, password }: Pick<Person, "email" | "password">) {
  const body = { grantType: "password", email, password };
  return await dataOf(send({ method: "POST", path: "/auth/token", body }));
}

function passportOf(headers: Headers): Readonly<Record<string, unknown>> {
  return readClaims(headers.get("x-passport") ?? "");
}

/** Sends a command to the Redis of a target, as an operator could. */
async function redis(target: Target, ...command: string[]): Promise<unknown> {
  const { UPSTASH_REDIS_REST_URL = "", UPSTASH_REDIS_REST_TOKEN } = target.settings;
  const response = await fetch(UPSTASH_REDIS_REST_URL, {
    method: "POST",
    headers: { authorization: `Bearer ${UPSTASH_REDIS_REST_TOKEN}` },
    body: JSON.stringify(command),
  });
  return (await response.json()).result;
}
