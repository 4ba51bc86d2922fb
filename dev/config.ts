import { runConfig } from "./configuration/command.ts";
import { findRunningSystem } from "./running_system.ts";

const { text, code } = await runConfig(Deno.args, () => findRunningSystem(Deno.env.toObject()));
if (code === 0) console.log(text);
else console.error(text);
Deno.exit(code);
