import assert from "node:assert/strict";
import { noteInFlight } from "./deno_server.ts";

Deno.test("requests in flight are recorded at once, without their query", () => {
  const path = Deno.makeTempFileSync();
  const request = (target: string) => new Request(`http://127.0.0.1${target}`);
  const notes = noteInFlight(path, () => 7);
  const end = notes.begin(request("/users/me?token=secret"));
  notes.begin(request("/courses"));
  end();
  assert.equal(
    Deno.readTextFileSync(path),
    '{"b":1,"m":"GET","p":"/users/me","t":7}\n{"b":2,"m":"GET","p":"/courses","t":7}\n{"e":1}\n',
  );
  Deno.removeSync(path);
});

Deno.test("the file does not grow without limit while requests come and go", () => {
  const path = Deno.makeTempFileSync();
  const notes = noteInFlight(path, () => 7);
  for (let n = 0; n < 5_000; n++) notes.begin(new Request("http://127.0.0.1/x"))();
  assert.ok(Deno.statSync(path).size < 70_000);
  Deno.removeSync(path);
});
