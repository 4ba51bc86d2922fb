import process from "node:process";

/**
 * Preloaded into every child: ends it as soon as its standard input does, and that is when the
 * process that started it is gone, however it went.
 */
async function leaveWithParent(): Promise<void> {
  const bytes = new Uint8Array(64);
  try {
    while (await Deno.stdin.read(bytes) !== null);
  } catch {
    // A pipe that broke says the same as one that ended.
  }
  // Not Deno.exit: wrangler ends workerd in handlers of this one.
  process.exit(0);
}

// Deno waits for whatever a preloaded module has under way before it runs the program itself; an
// unreferenced timer is nothing to wait for.
Deno.unrefTimer(setTimeout(leaveWithParent, 0));
