import type { Mode } from "./run.ts";
import { asksForHelp, loadCommand, requireDeno, StartError } from "../workspace/start.ts";

const usage = "Usage: deno task dev [--split], or deno task dev:workers";

const help = `${usage}

Runs gateway, services, Redis, QStash and a dashboard on loopback until Ctrl-C. With --split every
service is a process of its own; dev:workers runs the same source in workerd. Settings are variables:
PORT (8787), DASHBOARD_PORT (8788), EDGEPASS_HOME (.edgepass) and those of docs/deploy.md.`;

const missing = "the dependencies are not installed; run deno install";

/** Runs the dev command and ends the process with its code. */
async function main(args: readonly string[]): Promise<never> {
  if (asksForHelp(args)) {
    console.log(help);
    Deno.exit(0);
  }
  try {
    requireDeno(Deno.version.deno);
    const { runDev } = await loadCommand<typeof import("./run.ts")>(
      new URL("./run.ts", import.meta.url),
      missing,
    );
    Deno.exit(await runDev(readMode(args)));
  } catch (error) {
    console.error(explain(error));
    Deno.exit(error instanceof StartError ? error.code : 1);
  }
}

function readMode(args: readonly string[]): Mode {
  const modes: Readonly<Record<string, Mode>> = {
    "": "together",
    "--split": "apart",
    "--workers": "workers",
  };
  const mode = modes[args.join(" ")];
  if (mode === undefined) throw new StartError(`unknown option. ${usage}`, { code: 2 });
  return mode;
}

/**
 * An error whose message is complete is one line; anything else is a fault, shown with its stack.
 */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return `Cannot start: ${String(error)}`;
  if (error instanceof StartError || error.name === "ConfigError") return error.message;
  return `Cannot start: ${error.stack ?? error.message}`;
}

await main(Deno.args);
