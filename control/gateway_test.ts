import assert from "node:assert/strict";
import { ConfigError, localUpstream } from "@edgepass/shared/configuration";
import { setupControl } from "../tests/support/control_service.ts";
import { placeControl } from "./gateway.ts";

Deno.test("the gateway routes every documented operation of the control plane, to administrators only", async () => {
  await using control = await setupControl();
  const response = await control.call("GET", "/openapi.json", { as: null });
  const { paths }: { paths: Record<string, Record<string, unknown>> } = await response.json();
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`)
  );
  const { routes } = placeControl({ CONTROL: "http://127.0.0.1:8788" });
  const routed = routes.flatMap(({ path, access }) =>
    Object.entries(access).map(([method, rule]) => {
      assert.deepEqual(rule, { roles: ["admin"] }, path);
      return `${method} ${path}`;
    })
  );
  assert.deepEqual(routed.sort(), documented.sort());
  assert.ok(routes.every(({ rateLimited }) => rateLimited === false));
});

Deno.test("CONTROL places the control plane, before one of the same isolate", () => {
  const local = localUpstream("control", { fetch: () => new Response() });
  assert.equal(placeControl({}, local).rebuild.upstream, local);
  const binding = { fetch: () => new Response() };
  for (const CONTROL of ["http://127.0.0.1:8788", binding]) {
    const { rebuild, routes } = placeControl({ CONTROL }, local);
    assert.notEqual(rebuild.upstream, local);
    assert.equal(rebuild.upstream.name, "control");
    assert.ok(routes.every(({ upstream }) => upstream === rebuild.upstream));
  }
  for (const CONTROL of [undefined, "127.0.0.1:8788", "http://127.0.0.1:8788/path"]) {
    assert.throws(() => placeControl({ CONTROL }), (error) => {
      assert.ok(error instanceof ConfigError, String(error));
      return error.message.includes("CONTROL");
    });
  }
});
