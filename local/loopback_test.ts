import assert from "node:assert/strict";
import { serveOnReservedPort } from "./loopback.ts";

const respond = (): Promise<Response> => Promise.resolve(new Response("here"));

async function readFrom(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

Deno.test("a server gets its former port again, and another one while that is in use", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/some.port`;
    const first = serveOnReservedPort(file, respond);
    assert.equal(await readFrom(first.url), "here");
    const beside = serveOnReservedPort(file, respond);
    assert.notEqual(beside.url, first.url);
    await Promise.all([first.close(), beside.close()]);
    const again = serveOnReservedPort(file, respond);
    assert.equal(again.url, beside.url);
    await again.close();
    for (const text of ["", "x", "0", "-1", "1.5", "70000"]) {
      await Deno.writeTextFile(file, text);
      const anywhere = serveOnReservedPort(file, respond);
      assert.equal(await readFrom(anywhere.url), "here", text);
      await anywhere.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
