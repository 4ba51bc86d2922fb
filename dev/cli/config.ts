import { readArguments } from "@edgepass/shared/runtime/deno";
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
