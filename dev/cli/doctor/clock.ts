import { fail, type Finding, ok, warn } from "./finding.ts";
import { gatewayAddress } from "./gateway.ts";
import { isServedByDev } from "./redis.ts";
import type { DoctorContext, Effects } from "./context.ts";

const patienceMs = 3_000;
/** `Date` has whole seconds, rounded down. */
const resolutionMs = 1_000;

/** This machine's clock and another's agree within the leeway for tokens. */
export async function checkClock(
  doctorContext: DoctorContext,
  effects: Effects,
): Promise<Finding[]> {
  const source = findSource(doctorContext);
  if (source === undefined) return [ok("not compared: nothing else is running")];
  const skewMs = await measureSkew(source, effects);
  if (skewMs === "silent") {
    return [
      warn(`not compared: ${source.name} is silent`, `fix what ${source.check} reports above`),
    ];
  }
  // Local workerd sends no Date, and has this machine's clock.
  if (skewMs === undefined) return [ok(`not compared: ${source.name} sends no Date`)];
  const leeway = Number(doctorContext.settings.LEEWAY_SECONDS || "5");
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
function findSource(doctorContext: DoctorContext): Source | undefined {
  const { UPSTASH_REDIS_REST_URL: url } = doctorContext.settings;
  if (!isServedByDev(doctorContext) && URL.canParse(url)) {
    return { url, name: "Redis", check: "redis" };
  }
  const gateway = gatewayAddress(doctorContext);
  if (
    gateway === undefined || (doctorContext.scope === "dev" && doctorContext.dev.name !== "running")
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
      signal: AbortSignal.timeout(patienceMs),
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
