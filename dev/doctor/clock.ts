import { fail, type Finding, ok, warn } from "./finding.ts";
import { gatewayAddress } from "./gateway.ts";
import { isServedByDev } from "./redis.ts";
import type { DoctorContext, Effects } from "./context.ts";

const patienceMs = 3_000;
/** `Date` has whole seconds and leaves out the rest. */
const resolutionMs = 1_000;

/** This machine's clock and another's agree within the leeway that tokens are given. */
export async function checkClock(
  doctorContext: DoctorContext,
  effects: Effects,
): Promise<Finding[]> {
  const source = findSource(doctorContext);
  if (source === undefined) return [ok("not compared: nothing else is running")];
  const skewMs = await measureSkew(source, effects);
  if (skewMs === "silent") {
    return [warn(`not compared: ${source.name} is silent`, `mend what ${source.check} says above`)];
  }
  // Local workerd sends no Date, and has this machine's clock.
  if (skewMs === undefined) return [ok(`not compared: ${source.name} tells no time`)];
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
  /** As a finding calls it. */
  readonly name: string;
  /** The check that says why it does not answer. */
  readonly check: "redis" | "gateway";
}

/** Another machine tells more than this one; what dev serves has this machine's clock. */
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
  { ask, now, elapsed }: Effects,
): Promise<number | "silent" | undefined> {
  try {
    const [askedAt, begun] = [now(), elapsed()];
    const response = await ask(url, {
      ...(host === undefined ? {} : { host }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const answeredAt = askedAt + elapsed() - begun;
    await response.body?.cancel();
    const told = Date.parse(response.headers.get("date") ?? "");
    if (Number.isNaN(told)) return undefined;
    if (told > answeredAt) return told - answeredAt;
    return Math.min(0, told + resolutionMs - askedAt);
  } catch {
    return "silent";
  }
}
