import assert from "node:assert/strict";
import { targets } from "./targets.ts";

for (const [name, start] of Object.entries(targets)) {
  Deno.test(`a user signs up, logs in and logs out: ${name}`, async () => {
    await using target = await start();
    const credentials = { email: "learner@edgepass.local", password: "a long enough passphrase" };
    const signup = await post(target, "/auth/signup", { ...credentials, name: "Demo Learner" });
    assert.equal(signup.status, 201);
    await signup.body?.cancel();

    const login = await post(target, "/auth/login", credentials);
    assert.equal(login.status, 200);
    await login.body?.cancel();
    const cookie = login.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");

    const me = await target.fetch("/users/me", { headers: { cookie } });
    const { success, data, traceId } = await me.json();
    assert.deepEqual([me.status, success, data.name], [200, true, "Demo Learner"]);
    assert.equal(me.headers.get("x-trace-id"), traceId);

    const logout = await post(target, "/auth/logout", undefined, { cookie });
    assert.equal(logout.status, 204);
    const after = await target.fetch("/users/me", { headers: { cookie } });
    assert.equal(after.status, 401);
    assert.equal((await after.json()).error.code, "token_revoked");
  });
}

function post(
  target: { fetch(path: string, init: RequestInit): Promise<Response> },
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return target.fetch(path, {
    method: "POST",
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
