import assert from "node:assert/strict";
import { routes } from "@edgepass/app/routes";
import { callOf, type GuardedCase } from "./guarded_route.ts";
import { isProtected, isUnsafe, pathOf, rightful } from "./product_operations.ts";
import { each, expectRefusal } from "./product_error_responses.ts";
import { claimsOf } from "./product_tokens.ts";
import { outcomeOf } from "./product_environment.ts";

const crossSite: readonly Record<string, string>[] = [
  { origin: "https://evil.example" },
  { origin: "null" },
  { origin: "http://127.0.0.1:8787.evil.example" },
  { "sec-fetch-site": "cross-site" },
  { "sec-fetch-site": "same-site" },
];

/** Header names under which a client could try to claim an identity. */
const identityHeaders = [
  "X-Passport",
  "X-PASSPORT",
  "x_passport",
  "X-Passport-Token",
  "Txn-Token",
  "X-User-Id",
  "X_User_Roles",
  "X-Internal-User",
  "Remote-User",
  "X-Edgepass-Subject",
] as const;

/** Checks on every operation for any caller: origin, method, and planted identity headers. */
export const guardedRequest: Readonly<Record<string, GuardedCase>> = {
  async "[C04, C05] a page of another origin is csrf_rejected"(environment, operations) {
    await each(operations.filter(isUnsafe), async (operation) => {
      const cookie = `access_token=${rightful(operation, environment).token}`;
      for (const headers of crossSite) {
        const request = { ...callOf(operation, environment), headers };
        await expectRefusal(environment, request, "csrf_rejected", operation.name);
        const signedIn = { ...request, cookie };
        const { headers: responseHeaders } = await expectRefusal(
          environment,
          signedIn,
          "csrf_rejected",
          operation.name,
        );
        assert.equal(responseHeaders.get("access-control-allow-origin"), null);
      }
    });
  },

  async "[C04] a bearer token that comes alone was sent on purpose"(environment, operations) {
    await each(operations.filter(isUnsafe).filter(isProtected), async (operation) => {
      const request = {
        ...callOf(operation, environment),
        bearer: "garbage",
        headers: crossSite[0] ?? {},
      };
      await expectRefusal(environment, request, "token_invalid", operation.name);
    });
  },

  async "[C06] a method that an operation has not is method_not_allowed"(environment, operations) {
    const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"];
    await each(Object.entries(routes), async ([template, { access }]) => {
      const taken = Object.keys(access);
      const allow = [...taken, ...(taken.includes("GET") ? ["HEAD"] : [])].toSorted();
      const [operation] = operations.filter((one) => one.template === template);
      assert.ok(operation);
      for (const method of methods.filter((one) => !taken.includes(one))) {
        const request = {
          method,
          path: pathOf(operation, environment),
          bearer: environment.admin.token,
        };
        const { headers } = await expectRefusal(
          environment,
          request,
          "method_not_allowed",
          template,
        );
        assert.deepEqual(headers.get("allow")?.split(", ").toSorted(), allow, template);
      }
    });
    for (const path of ["/livez", "/readyz", "/openapi.json"]) {
      const { headers } = await expectRefusal(
        environment,
        { method: "POST", path },
        "method_not_allowed",
        path,
      );
      assert.equal(headers.get("allow"), "GET, HEAD");
    }
  },

  async "[C06] nothing overrides the method"(environment, operations) {
    await each(operations.filter(({ method }) => method === "DELETE"), async (operation) => {
      const { token } = rightful(operation, environment);
      const path = `${pathOf(operation, environment)}?_method=DELETE`;
      const headers = { "x-http-method-override": "DELETE", "x-method-override": "DELETE" };
      const outcome = await outcomeOf(environment.send({ path, bearer: token, headers }));
      assert.ok(
        ["200", "405 method_not_allowed"].includes(outcome),
        `${operation.name}: ${outcome}`,
      );
    });
  },

  async "HEAD gets the response of GET, without a body"(environment, operations) {
    await each(operations.filter(({ method }) => method === "GET"), async (operation) => {
      const path = pathOf(operation, environment);
      for (const bearer of [undefined, "garbage", rightful(operation, environment).token]) {
        const credential = bearer === undefined ? {} : { bearer };
        const [get, head] = await Promise.all([
          environment.send({ path, ...credential }),
          environment.send({ method: "HEAD", path, ...credential }),
        ]);
        await get.body?.cancel();
        assert.equal(head.status, get.status, `${operation.name} ${bearer}`);
        assert.equal(await head.text(), "", operation.name);
        assert.match(head.headers.get("x-trace-id") ?? "", /^[0-9a-f]{32}$/);
      }
    });
  },

  async "[P01, H02] a client's header under an internal name has no effect"(
    environment,
    operations,
  ) {
    const { admin, teacher, learner, mint, ids, send } = environment;
    const { uv, sid } = claimsOf(admin.token);
    const forged = await mint.passport({ sub: `user:${admin.id}`, uv, sid });
    const headers = Object.fromEntries(identityHeaders.map((name) => [name, forged]));
    await each(operations.filter(isProtected), async (operation) => {
      const request = { ...callOf(operation, environment), headers };
      await expectRefusal(environment, request, "authentication_required", operation.name);
    });
    const [asTeacher, path] = [await mint.passport({ sub: `user:${teacher.id}` }), "/users/me"];
    await each(identityHeaders, async (name) => {
      const bearer = learner.token;
      const me = await (await send({ path, bearer, headers: { [name]: asTeacher } })).json();
      assert.equal(me.data.id, learner.id, name);
      for (const credential of [{}, { bearer }]) {
        const draft = { path: `/courses/${ids.draft}`, headers: { [name]: asTeacher } };
        await expectRefusal(environment, { ...draft, ...credential }, "not_found", name);
      }
    });
  },

  async "[I07] internal routes are not behind the gateway"(environment) {
    const { admin, mint } = environment;
    const headers = { "x-passport": await mint.passport({ sub: "svc:gateway" }) };
    const paths = ["/accounts/me", `/accounts/${admin.id}`, "/revocations/refill", ""];
    for (const path of paths.flatMap((one) => [`/internal${one}`, `/auth/internal${one}`])) {
      for (const method of ["GET", "POST", "DELETE"]) {
        const request = { method, path, bearer: admin.token, headers };
        await expectRefusal(environment, request, "not_found", path);
      }
    }
    await expectRefusal(
      environment,
      { path: "/auth/../internal/accounts/me%2f" },
      "path_not_canonical",
      "",
    );
  },
};
