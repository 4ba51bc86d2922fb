import assert from "node:assert/strict";
import { createLineWriter } from "./deno_terminal.ts";

Deno.test("lines that cannot be written are lost and counted, and the process continues", () => {
  let isFull = false;
  let written = "";
  const writer = createLineWriter({
    now: () => 0,
    writeSome(bytes) {
      if (isFull) throw new Error("No space left on device");
      written += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  });
  const write = (line: string) => {
    writer.write(line);
    writer.flush();
  };
  write("before");
  isFull = true;
  write("lost");
  writer.write("lost");
  write("lost");
  assert.equal(written, "before\n");
  isFull = false;
  write("after");
  write("later");
  const note = {
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    service: "deno",
    message: "Log lines could not be written and are lost",
    lines: 3,
  };
  assert.equal(written, `before\n\n${JSON.stringify(note)}\nafter\nlater\n`);
});
