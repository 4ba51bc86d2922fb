import { asksForHelp, loadCommand, StartError } from "../workspace/start.ts";

const help = `Usage: deno task doctor [--json] [--deployment] [--parts=<part>,<part>]

Looks for what is wrong on this machine, and prints each finding with its fix. --json prints it for
programs; --deployment looks at the environment instead of at dev, --parts names the programs there.`;

const missing = "fail  packages  they are not installed → deno install";

/** Runs the doctor and ends the process with its code. */
async function main(args: readonly string[]): Promise<never> {
  if (asksForHelp(args)) {
    console.log(help);
    Deno.exit(0);
  }
  try {
    const { runDoctor } = await loadCommand<typeof import("./doctor/run.ts")>(
      new URL("./doctor/run.ts", import.meta.url),
      missing,
    );
    Deno.exit(await runDoctor(args));
  } catch (error) {
    console.error(error instanceof StartError ? withoutStart(error.message) : error);
    Deno.exit(error instanceof StartError ? error.code : 1);
  }
}

function withoutStart(message: string): string {
  return message.replace(/^Cannot start: /, "");
}

await main(Deno.args);
