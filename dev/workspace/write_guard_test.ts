import assert from "node:assert/strict";
import { createWriteGuard } from "./write_guard.ts";

function setup() {
  const reports: string[] = [];
  const disk = { isFull: false, written: 0 };
  const write = () => {
    if (disk.isFull) throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
    disk.written++;
  };
  let elapsed = 0;
  const guard = createWriteGuard({
    elapsed: () => elapsed,
    what: "The log",
    report(message) {
      reports.push(message);
      // The report is written to the same disk.
      guard.attempt(write);
    },
  });
  return { guard, disk, write, reports, pass: (ms: number) => void (elapsed += ms) };
}

Deno.test("a full disk is reported once, and once more when writes succeed again", () => {
  const { guard, disk, write, reports, pass } = setup();
  guard.attempt(write);
  disk.isFull = true;
  guard.attempt(write);
  guard.attempt(write);
  const full = "The log cannot be written (ENOSPC); further writes are lost";
  assert.deepEqual(reports, [full]);
  disk.isFull = false;
  pass(9_999);
  guard.attempt(write);
  assert.deepEqual(reports, [full], "a short line that fits in is no end of it");
  pass(1);
  guard.attempt(write);
  guard.attempt(write);
  const again = "The log can be written again; 3 writes were lost";
  assert.deepEqual(reports, [full, again]);
  disk.isFull = true;
  guard.attempt(write);
  assert.deepEqual(reports, [full, again, full]);
});
