import assert from "node:assert/strict";
import { waitUntil } from "../support/wait.ts";
import type { GatewayCase } from "./gateway_environment.ts";
import { outcome, unavailable, withPublisher } from "./gateway_publisher.ts";
import { createIssuerKey } from "./gateway_tokens.ts";

/** Issuers that are slow, away, or asked for keys that they do not have. */
export const outageCases: Readonly<Record<string, GatewayCase>> = {
  async "a key set that takes longer than a request waits is read all the same, by one load"(
    environment,
  ) {
    const held = Promise.withResolvers<void>();
    await using corp = await withPublisher(environment, {
      row: ({ url }) => ({ jwks: `${url}/slow` }),
      pages: (_issuer, set) => ({
        "/slow": async () => {
          await held.promise;
          return Response.json(set);
        },
      }),
    });
    using _ = { [Symbol.dispose]: held.resolve };
    const first = await corp.send();
    assert.deepEqual(outcome(first), unavailable);
    assert.ok(first.retryAfter >= 1 && first.retryAfter <= 30, String(first.retryAfter));
    const { status, degraded } = await corp.readiness();
    assert.deepEqual({ status, degraded }, { status: 200, degraded: ["corp"] });
    held.resolve();
    await waitUntil("its tokens are accepted", async () => {
      return (await corp.send()).status === 200;
    }, 10_000);
    assert.deepEqual(corp.targets(), ["/slow"]);
    assert.equal((await corp.readiness()).degraded, undefined);
  },

  async "[I11, D03] a flood of unknown kids is 503 without another fetch, and known ones pass"(
    environment,
  ) {
    await using corp = await withPublisher(environment, {
      row: ({ url }) => ({ jwks: `${url}/keys` }),
    });
    // The set was read after this request arrived: it decides.
    assert.deepEqual(outcome(await corp.send({ kid: "unknown" })), {
      status: 401,
      code: "token_invalid",
    });
    const later = await Promise.all(
      Array.from({ length: 20 }, (_, at) => corp.send({ kid: `unknown-${at}` })),
    );
    // It must find no member of a prototype either, and no 500.
    later.push(await corp.send({ kid: "__proto__" }), await corp.send({ kid: "constructor" }));
    for (const response of later) {
      assert.deepEqual(outcome(response), unavailable);
      assert.ok(response.retryAfter >= 1 && response.retryAfter <= 30);
    }
    assert.equal((await corp.send()).status, 200);
    assert.deepEqual(corp.targets(), ["/keys"]);
  },

  async "[D03] an unknown kid of a set in the settings is refused: no reload can add it"(
    environment,
  ) {
    const { kid: _, ...other } = (await createIssuerKey("ES256")).jwk;
    await using corp = await withPublisher(environment, {
      row: () => ({ jwks: { keys: [{ ...other, kid: "theirs" }] } }),
    });
    for (const kid of ["unknown-1", "unknown-2"]) {
      assert.deepEqual(outcome(await corp.send({ kid })), { status: 401, code: "token_invalid" });
    }
    assert.deepEqual(corp.targets(), []);
  },

  async "[D03] a gateway is not ready while a required issuer is away, and names it"(environment) {
    await using corp = await withPublisher(environment, {
      row: ({ url }) => ({ jwks: `${url}/nothing`, required: true }),
    });
    const { status, says, degraded, checks } = await corp.readiness();
    assert.deepEqual({ status, says, degraded }, {
      status: 503,
      says: "not ready",
      degraded: ["corp"],
    });
    assert.equal(checks?.["issuer corp"], "no key set could be read");
    assert.equal(checks?.["issuer user"], "ready");
  },

  async "[D03] an issuer whose server hangs holds readiness up for less than two seconds"(
    environment,
  ) {
    const held = Promise.withResolvers<Response>();
    await using corp = await withPublisher(environment, {
      row: ({ url }) => ({ jwks: `${url}/hangs` }),
      pages: () => ({ "/hangs": () => held.promise }),
    });
    using _ = { [Symbol.dispose]: () => held.resolve(new Response()) };
    const begun = performance.now();
    assert.deepEqual((await corp.readiness()).degraded, ["corp"]);
    const firstMs = performance.now() - begun;
    assert.ok(firstMs < 2_000, `${firstMs} ms`);
  },
};
