import { parseJson } from "@edgepass/shared/crypto";
import * as z from "zod/mini";
import { join } from "node:path";
import { type DoctorContext, type Effects, fail, type Finding, ok, warn } from "./context.ts";
import { isServedByDev } from "./redis.ts";

const patienceMs = 5_000;

/** The body of `/readyz`, as far as it is read. */
const Readiness = z.object({ checks: z.record(z.string(), z.string()) });

/** A running gateway is ready, or reports what is not. */
export async function checkGateway(context: DoctorContext, effects: Effects): Promise<Finding[]> {
  if (!context.parts.includes("gateway")) return [];
  if (context.scope === "dev" && context.dev.name !== "running") {
    return [ok("not checked: dev is not running")];
  }
  const address = gatewayAddress(context);
  if (address === undefined) return [];
  try {
    const response = await effects.request(`${address.url}/readyz`, {
      host: address.host,
      signal: AbortSignal.timeout(patienceMs),
    });
    return judge(response.status, await response.text());
  } catch {
    return [silent(context)];
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
    const fix = "start the gateway, and check that PUBLIC_ORIGIN leads to it";
    return warn("no response from PUBLIC_ORIGIN", fix);
  }
  const fix = `read ${join(workspace, "logs", "gateway.jsonl")}, then end dev and start it again`;
  return fail(`dev is running, but there is no response from PORT ${settings.PORT}`, fix);
}

function judge(status: number, text: string): Finding[] {
  const readiness = readReadiness(text);
  if (readiness === undefined) {
    const fix = "check that PORT and PUBLIC_ORIGIN lead to the gateway";
    return [fail(`the server of /readyz is not this gateway (status ${status})`, fix)];
  }
  const lacking = Object.entries(readiness.checks).filter(([, state]) => state !== "ready");
  if (lacking.length === 0) return [ok("/readyz reports ready")];
  // A gateway that is ready without an issuer serves the people of the others.
  const report = status === 200 ? warn : fail;
  return lacking.map(([name, state]) => report(`${name} is not ready: ${state}`, fixFor(name)));
}

function readReadiness(text: string): z.infer<typeof Readiness> | undefined {
  return z.safeParse(Readiness, parseJson(text)).data;
}

function fixFor(name: string): string {
  if (name === "revocation") return "fix what redis reports above";
  if (!name.startsWith("issuer ")) return "read the log of the gateway";
  return name === "issuer user"
    ? "check that auth is running: it serves the keys"
    : "fix what issuers reports above";
}

const clockPatienceMs = 3_000;
/** `Date` has whole seconds, rounded down. */
const resolutionMs = 1_000;

/** This machine's clock and another's agree within the leeway for tokens. */
export async function checkClock(context: DoctorContext, effects: Effects): Promise<Finding[]> {
  const source = findSource(context);
  if (source === undefined) return [ok("not compared: nothing else is running")];
  const skewMs = await measureSkew(source, effects);
  if (skewMs === "silent") {
    return [
      warn(
        `not compared: ${source.name} does not respond`,
        `fix what ${source.check} reports above`,
      ),
    ];
  }
  // Local workerd sends no Date, and has this machine's clock.
  if (skewMs === undefined) return [ok(`not compared: ${source.name} sends no Date`)];
  const leeway = Number(context.settings.LEEWAY_SECONDS || "5");
  if (Math.abs(skewMs) <= leeway * 1000) {
    return [ok(`agrees with ${source.name} within the leeway of ${leeway} s`)];
  }
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const side = skewMs > 0 ? "behind" : "ahead of";
  return [fail(
    `this machine's clock is ${seconds} s ${side} that of ${source.name}`,
    `set the clock, by timedatectl set-ntp true for one; LEEWAY_SECONDS is ${leeway}`,
  )];
}

interface Source {
  readonly url: string;
  readonly host?: string;
  /** Its name in a finding. */
  readonly name: string;
  /** The check that reports why it does not respond. */
  readonly check: "redis" | "gateway";
}

/** Only another machine's clock can differ from this one's; what dev serves has the same clock. */
function findSource(context: DoctorContext): Source | undefined {
  const { UPSTASH_REDIS_REST_URL: url } = context.settings;
  if (!isServedByDev(context) && URL.canParse(url)) {
    return { url, name: "Redis", check: "redis" };
  }
  const gateway = gatewayAddress(context);
  if (
    gateway === undefined || (context.scope === "dev" && context.dev.name !== "running")
  ) {
    return undefined;
  }
  const { url: origin, host } = gateway;
  return { url: `${origin}/livez`, host, name: "the gateway", check: "gateway" };
}

/** Milliseconds that the other clock is ahead of ours at least; undefined without `Date`. */
async function measureSkew(
  { url, host }: Source,
  { request, now, elapsed }: Effects,
): Promise<number | "silent" | undefined> {
  try {
    const [sentAt, begun] = [now(), elapsed()];
    const response = await request(url, {
      ...(host === undefined ? {} : { host }),
      signal: AbortSignal.timeout(clockPatienceMs),
    });
    const receivedAt = sentAt + elapsed() - begun;
    await response.body?.cancel();
    const reported = Date.parse(response.headers.get("date") ?? "");
    if (Number.isNaN(reported)) return undefined;
    if (reported > receivedAt) return reported - receivedAt;
    return Math.min(0, reported + resolutionMs - sentAt);
  } catch {
    return "silent";
  }
}
