import assert from "node:assert/strict";
import { dataCommands } from "./redis/embedded.ts";
import { createScripting } from "./redis/engine/scripting.ts";

const text = Deno.readTextFileSync(new URL("README.md", import.meta.url));

Deno.test("README.md lists exactly the commands of the embedded Redis", () => {
  const section = /The embedded engine has these commands[^:]*:([\s\S]*?)\n\n[A-Z]/.exec(text)?.[1];
  const listed = [...(section ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name);
  const served = Object.keys({ ...dataCommands, ...createScripting().commands });
  assert.deepEqual(listed.toSorted(), served.toSorted());
});

for (const name of ["redis", "qstash"]) {
  Deno.test(`the command of README.md starts the endpoint ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    const [, command = ""] = new RegExp(`deno (run --allow-all local/${name}/main.ts) --file`)
      .exec(text) ?? [];
    const child = new Deno.Command(Deno.execPath(), {
      args: [...command.split(" "), "--file", `${folder}/data`],
      cwd: new URL("../", import.meta.url),
      env: { UPSTASH_REDIS_REST_TOKEN: "t", QSTASH_TOKEN: "t" },
      stdout: "piped",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    try {
      const { value = "" } = await lines.read();
      const { url } = JSON.parse(value);
      const path = name === "redis" ? "/ping" : "/v2/keys";
      const response = await fetch(url + path, { headers: { authorization: "Bearer t" } });
      assert.equal(response.status, 200);
      await response.body?.cancel();
    } finally {
      child.kill("SIGTERM");
      await lines.cancel();
      assert.equal((await child.status).code, 0);
      await Deno.remove(folder, { recursive: true });
    }
  });
}
