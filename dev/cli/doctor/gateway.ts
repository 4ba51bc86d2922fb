import { join } from "node:path";
import * as z from "zod/mini";
import { fail, type Finding, ok, warn } from "./finding.ts";
import type { DoctorContext, Effects } from "./context.ts";

const patienceMs = 5_000;

/** The body of `/readyz`, as far as it is read. */
const Readiness = z.object({ checks: z.record(z.string(), z.string()) });

/** A running gateway is ready, or reports what is not. */
export async function checkGateway(
  doctorContext: DoctorContext,
  effects: Effects,
): Promise<Finding[]> {
  if (!doctorContext.parts.includes("gateway")) return [];
  if (doctorContext.scope === "dev" && doctorContext.dev.name !== "running") {
    return [ok("not checked: dev is not running")];
  }
  const address = gatewayAddress(doctorContext);
  if (address === undefined) return [];
  try {
    const response = await effects.request(`${address.url}/readyz`, {
      host: address.host,
      signal: AbortSignal.timeout(patienceMs),
    });
    return judge(response.status, await response.text());
  } catch {
    return [silent(doctorContext)];
  }
}

/** The address and the host name for requests to the gateway; it serves only its own name. */
export function gatewayAddress(
  { scope, settings }: DoctorContext,
): { url: string; host: string } | undefined {
  const origin = URL.parse(settings.PUBLIC_ORIGIN);
  if (origin === null) return undefined;
  const url = scope === "dev" ? `http://127.0.0.1:${settings.PORT}` : origin.origin;
  return { url, host: origin.host };
}

function silent({ scope, workspace, settings }: DoctorContext): Finding {
  if (scope === "deployment") {
    const fix = "start the gateway, and see that PUBLIC_ORIGIN leads to it";
    return warn("nobody answers at PUBLIC_ORIGIN", fix);
  }
  const fix = `read ${join(workspace, "logs", "gateway.jsonl")}, then end dev and start it again`;
  return fail(`dev is running and nobody answers at PORT ${settings.PORT}`, fix);
}

function judge(status: number, text: string): Finding[] {
  const readiness = readReadiness(text);
  if (readiness === undefined) {
    const fix = "see that PORT and PUBLIC_ORIGIN lead to the gateway";
    return [fail(`what answers /readyz is no gateway of ours (status ${status})`, fix)];
  }
  const lacking = Object.entries(readiness).filter(([, state]) => state !== "ready");
  if (lacking.length === 0) return [ok("/readyz says that it is ready")];
  return lacking.map(([name, state]) => fail(`${name} is not ready: ${state}`, fixFor(name)));
}

function readReadiness(text: string): Readonly<Record<string, string>> | undefined {
  try {
    return z.parse(Readiness, JSON.parse(text)).checks;
  } catch {
    return undefined;
  }
}

function fixFor(name: string): string {
  if (name === "revocation") return "fix what redis reports above";
  if (!name.startsWith("issuer ")) return "read the log of the gateway";
  return name === "issuer user"
    ? "see that auth is running: it serves the keys"
    : "see that the jwks of this alias in ISSUERS serves usable keys";
}
