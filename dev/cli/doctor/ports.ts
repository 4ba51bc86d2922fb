import { fail, type Finding, ok } from "./finding.ts";
import type { DoctorContext } from "./context.ts";

const hostname = "127.0.0.1";

/** The ports that dev listens on are free, or its own. */
export function checkPorts({ scope, settings, dev, refusal }: DoctorContext): Finding[] {
  // Without settings dev ends before it opens its ports.
  if (scope === "deployment" || (refusal !== undefined && settings.PORT === "")) return [];
  return (["PORT", "DASHBOARD_PORT"] as const).flatMap((name) => {
    const port = Number(settings[name]);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return [];
    const trouble = tryToListen(port);
    if (trouble === undefined) return [ok(`${name} ${port} is free`)];
    if (dev.name === "running") return [ok(`${name} ${port} is in use while dev is running`)];
    return [fail(`${name} ${port} ${trouble}`, `set ${name} to another port`)];
  });
}

function tryToListen(port: number): string | undefined {
  try {
    Deno.listen({ hostname, port }).close();
    return undefined;
  } catch (error) {
    return error instanceof Deno.errors.AddrInUse
      ? "is taken by another program"
      : "may not be listened on";
  }
}
