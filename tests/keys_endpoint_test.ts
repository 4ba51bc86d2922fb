import assert from "node:assert/strict";
import { dataOf, type Environment, logIn, newPerson } from "./suite/product_environment.ts";
import { targets } from "./targets.ts";

for (const placement of ["Deno, split", "workerd, all in one"] as const) {
  Deno.test(`GET /admin/keys is for administrators, and shows no key material: ${placement}`, async () => {
    await using target = await targets[placement]();
    const send: Environment["send"] = ({ method = "GET", path, bearer, headers = {}, body }) =>
      target.fetch(path, {
        method,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const admin = await logIn(send, target.admin);
    const learner = await newPerson(send, admin, ["learner"]);
    const path = "/admin/keys";
    const statusOf = async (pending: Promise<Response>) => {
      const response = await pending;
      await response.body?.cancel();
      return [response.status, response.headers.get("cache-control")];
    };
    assert.deepEqual(await statusOf(send({ path })), [401, "no-store"]);
    assert.deepEqual(await statusOf(send({ path, bearer: learner.token })), [403, "no-store"]);
    assert.deepEqual((await statusOf(send({ method: "POST", path, bearer: admin.token })))[0], 405);
    assert.deepEqual(await statusOf(send({ path, bearer: admin.token })), [200, "no-store"]);
    assert.deepEqual(await dataOf(send({ path, bearer: admin.token })), {
      version: 0,
      keys: [{ kid: "p1", profile: "S", state: "signing", from: "own" }],
    });
  });
}
