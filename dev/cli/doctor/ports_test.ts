import assert from "node:assert/strict";
import { allWell, createDoctorContext, troubleOf } from "../../../tests/support/doctor.ts";
import { freePort } from "../../../tests/support/dev_system.ts";
import { checkPorts } from "./ports.ts";

for (const name of ["PORT", "DASHBOARD_PORT"] as const) {
  Deno.test(`a ${name} that another program has taken is reported`, () => {
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = other.addr;
    const free = { PORT: String(freePort()), DASHBOARD_PORT: String(freePort()) };
    const doctorContext = createDoctorContext({ settings: { ...free, [name]: String(port) } });
    assert.equal(
      troubleOf(checkPorts(doctorContext)),
      `fail: ${name} ${port} is taken by another program → set ${name} to another port`,
    );
  });
}

Deno.test("free ports pass, and so do those of a running dev", () => {
  using own = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const settings = { PORT: String(own.addr.port), DASHBOARD_PORT: String(freePort()) };
  const dev = { name: "running", pid: "1" } as const;
  assert.deepEqual(allWell(checkPorts(createDoctorContext({ settings, dev }))), [
    `PORT ${settings.PORT} is in use while dev is running`,
    `DASHBOARD_PORT ${settings.DASHBOARD_PORT} is free`,
  ]);
});

Deno.test("the ports of a deployment are not checked", () => {
  assert.deepEqual(checkPorts(createDoctorContext({ scope: "deployment" })), []);
});
