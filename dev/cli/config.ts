import { readArguments } from "@edgepass/shared/runtime/usage";
import { runConfig, usage } from "./configuration/command.ts";
import { asAdministrator, findSystem } from "../system/system.ts";

readArguments({ usage });
const { text, code } = await runConfig(
  Deno.args,
  async (work) => await asAdministrator(findSystem(Deno.env.toObject()), work),
);
if (code === 0) console.log(text);
else console.error(text);
Deno.exit(code);
