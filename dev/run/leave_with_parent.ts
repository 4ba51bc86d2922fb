import process from "node:process";

/**
 * Preloaded into every child: ends it as soon as its standard input ends, which is when the process
 * that started it is gone, however it went. Without it a killed dev would leave its children on the
 * ports.
 */
async function leaveWithParent(): Promise<void> {
  const bytes = new Uint8Array(64);
  try {
    while (await Deno.stdin.read(bytes) !== null);
  } catch {
    // A broken pipe means the same as one that ended.
  }
  // Not Deno.exit: wrangler ends workerd in handlers of process.exit.
  process.exit(0);
}

// Deno waits for whatever a preloaded module has pending before it runs the program itself; it does
// not wait for an unreferenced timer.
Deno.unrefTimer(setTimeout(leaveWithParent, 0));
