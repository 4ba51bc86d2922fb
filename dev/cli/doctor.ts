import { asksForHelp } from "@edgepass/shared/runtime/deno";
import { StartError } from "../workspace/start_error.ts";

const help = `Usage: deno task doctor [--json] [--deployment] [--parts=<part>,<part>]

Looks for what is wrong on this machine, and prints each finding with its fix. --json prints it for
programs; --deployment looks at the environment instead of at dev, --parts names the programs there.`;

/**
 * Runs the doctor and ends the process with its code.
 *
 * Nothing that needs a dependency is imported before this: a missing one is a finding too.
 */
async function main(args: readonly string[]): Promise<never> {
  if (asksForHelp(args)) {
    console.log(help);
    Deno.exit(0);
  }
  try {
    const { runDoctor } = await loadCommand();
    Deno.exit(await runDoctor(args));
  } catch (error) {
    console.error(error instanceof StartError ? withoutStart(error.message) : error);
    Deno.exit(error instanceof StartError ? error.code : 1);
  }
}

/**
 * By a specifier that Deno cannot resolve ahead, so that a missing dependency is an error of ours.
 */
async function loadCommand(): Promise<typeof import("./doctor/run.ts")> {
  try {
    return await import(new URL("./doctor/run.ts", import.meta.url).href);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "";
    if (!/npm package|Cannot find (module|package)|Could not (find|resolve)/.test(message)) {
      throw cause;
    }
    throw new StartError("fail  packages  they are not installed → deno install", { cause });
  }
}

function withoutStart(message: string): string {
  return message.replace(/^Cannot start: /, "");
}

await main(Deno.args);
