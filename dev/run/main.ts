import { asksForHelp } from "@edgepass/shared/runtime/deno";
import type { Mode } from "./run.ts";
import { StartError } from "../workspace/start_error.ts";
import { requireDeno } from "../workspace/version.ts";

const usage = "Usage: deno task dev [--split], or deno task dev:workers";

const help = `${usage}

Runs gateway, services, Redis, QStash and a dashboard on loopback until Ctrl-C. With --split every
service is a process of its own; dev:workers runs the same source in workerd. Settings are variables:
PORT (8787), DASHBOARD_PORT (8788), EDGEPASS_HOME (.edgepass) and those of docs/deploy.md.`;

/**
 * Runs the dev command and ends the process with its code.
 *
 * Nothing that needs a dependency is imported before this: Deno's own message about a missing one
 * is
 * many lines long.
 */
async function main(args: readonly string[]): Promise<never> {
  if (asksForHelp(args)) {
    console.log(help);
    Deno.exit(0);
  }
  try {
    requireDeno(Deno.version.deno);
    const { runDev } = await loadCommand();
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
 * By a specifier that Deno cannot resolve ahead, so that a missing dependency is an error of ours.
 */
async function loadCommand(): Promise<typeof import("./run.ts")> {
  try {
    return await import(new URL("./run.ts", import.meta.url).href);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "";
    if (!/npm package|Cannot find (module|package)|Could not (find|resolve)/.test(message)) {
      throw cause;
    }
    throw new StartError("the dependencies are not installed; run deno install", { cause });
  }
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
