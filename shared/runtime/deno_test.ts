import assert from "node:assert/strict";

const entry = `
  import { serve } from ${JSON.stringify(new URL("./deno.ts", import.meta.url).href)};
  const log = (bindings) => bindings.LOG_SINK("composed");
  await serve((bindings) => (log(bindings), { fetch: () => new Response("ok") }));
`;

/** Starts a process that cannot start, and returns its output. */
async function start(env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--ext=ts", entry],
    cwd: new URL("../../", import.meta.url),
    env: { ...env, NO_COLOR: "1", AUTH_DB: "", USER_DB: "" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const refused = {
  "a name": { PORT: "http" },
  "nothing in particular": { PORT: "0" },
  "a port beyond the last": { PORT: "65536" },
  "half a port": { PORT: "80.5" },
  "another way to write it": { PORT: "0x50" },
};
for (const [what, env] of Object.entries(refused)) {
  Deno.test(`a process whose PORT is ${what} ends with one line, before it opens anything`, async () => {
    const { code, out, err } = await start(env);
    assert.equal(err, "Cannot start: PORT: must be a whole number from 1 to 65535\n");
    assert.deepEqual([code, out], [1, ""]);
  });
}

Deno.test("a process whose PORT is in use names the port, and loses no line of its log", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, out, err } = await start({ PORT: String(port) });
  listener.close();
  assert.equal(err, `Cannot start: PORT ${port} of HOST 127.0.0.1 is in use by another program\n`);
  assert.deepEqual([code, out], [1, "composed\n"]);
});

Deno.test("a process whose HOST is not this machine reports it", async () => {
  const { code, err } = await start({ PORT: "8787", HOST: "192.0.2.1" });
  assert.equal(err, "Cannot start: PORT 8787 of HOST 192.0.2.1 cannot be listened on\n");
  assert.equal(code, 1);
});
