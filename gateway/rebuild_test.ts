import { toSecret } from "@edgepass/shared/crypto";
import assert from "node:assert/strict";
import { within } from "../tests/support/wait.ts";
import { createRebuild } from "./rebuild.ts";
import type { SignPassport } from "./passport.ts";

const sign: SignPassport = (bearer, txn) =>
  Promise.resolve({
    token: toSecret(`of ${bearer}`),
    kid: "k",
    claims: {
      pv: "v0.1.0",
      iss: "i",
      aud: "a",
      iat: 0,
      exp: 30,
      jti: "j",
      txn,
      sub: "svc:gateway",
      roles: [],
      scope: "",
      cfg: 0,
    },
  });

Deno.test("a rebuild is requested as svc:gateway, with a time limit", async () => {
  const requests: RequestInit[] = [];
  const upstream = {
    name: "auth",
    fetch(_path: string, init: RequestInit = {}) {
      requests.push(init);
      return Promise.resolve(new Response(null, { status: 204 }));
    },
  };
  await createRebuild({ upstream, path: "/rebuild" }, sign)?.();
  const [{ method, headers, signal } = {}] = requests;
  assert.deepEqual([method, new Headers(headers).get("x-passport")], ["POST", "of gateway"]);
  assert.ok(signal instanceof AbortSignal);
});

Deno.test("a refused rebuild rejects, and its response body is cancelled", async () => {
  const left = Promise.withResolvers<void>();
  const body = new ReadableStream({ cancel: () => left.resolve() });
  const upstream = {
    name: "auth",
    fetch: () => Promise.resolve(new Response(body, { status: 503 })),
  };
  await assert.rejects(
    createRebuild({ upstream, path: "/rebuild" }, sign)?.() ?? left.promise,
    /503/,
  );
  await within("the response body is cancelled", left.promise);
});
