import { exitWith, type Outcome, terminalAnsi } from "../terminal/outcome.ts";
import * as z from "zod/mini";
import { readArguments } from "@edgepass/shared/runtime/deno";
import { ConfigError } from "@edgepass/shared/configuration";
import {
  type EventSettings,
  loadQstashClient,
  PublishError,
  type QstashClient,
  readEventSettings,
  toDestination,
} from "@edgepass/shared/events";
import { type ApiClient, ApiFailure, createOriginClient } from "../system/api_client.ts";
import { hasFailure, type Reported, toText } from "./doctor/run.ts";
import type { Ansi } from "../terminal/text.ts";
import { readGiven, serviceNames } from "../workspace/settings.ts";
import { findSystem, SystemNotFound } from "../system/system.ts";
import { fail, type Finding, ok, warn } from "./doctor/context.ts";

const usage = "Usage: deno task events:setup [--wake]";

/**
 * Sets up what events need of QStash and checks that all of it works; it may be repeated.
 *
 * The system is the one of `PUBLIC_ORIGIN` and `QSTASH_TOKEN` in the environment, or this machine's
 * dev.
 */
export async function setUp(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  ansi: Ansi,
): Promise<Outcome> {
  const [flag, ...more] = args;
  if (more.length > 0 || (flag !== undefined && flag !== "--wake")) return { text: usage, code: 2 };
  try {
    const { settings, open } = findSettings(variables);
    const { qstash, publicOrigin } = readEventSettings(settings);
    if (!qstash || publicOrigin === undefined) {
      return { text: "Events are not published: QSTASH_URL and QSTASH_TOKEN are not set", code: 1 };
    }
    using api = disposable(open());
    const findings = await setUpEvents({
      qstash,
      publicOrigin,
      signingKeys: {
        current: settings.QSTASH_CURRENT_SIGNING_KEY,
        next: settings.QSTASH_NEXT_SIGNING_KEY,
      },
      services: serviceNames,
      wake: flag === "--wake",
      call: api.call,
    });
    return { text: toText(findings, ansi), code: hasFailure(findings) ? 1 : 0 };
  } catch (error) {
    if (error instanceof SystemNotFound || error instanceof ConfigError) {
      return { text: error.message, code: 1 };
    }
    throw error;
  }
}

function findSettings(variables: Readonly<Record<string, string>>) {
  const settings = readGiven(variables);
  const { PUBLIC_ORIGIN, QSTASH_TOKEN } = settings;
  if (PUBLIC_ORIGIN === undefined || QSTASH_TOKEN === undefined) return findSystem(variables);
  return { settings, open: () => createOriginClient(PUBLIC_ORIGIN) };
}

function disposable<Client extends { close(): void }>(client: Client): Client & Disposable {
  return { ...client, [Symbol.dispose]: () => client.close() };
}

/** What is checked, and set up where it is missing. */
export interface EventsSetup {
  readonly qstash: NonNullable<EventSettings["qstash"]>;
  readonly publicOrigin: string;
  readonly signingKeys: {
    readonly current?: string | undefined;
    readonly next?: string | undefined;
  };
  readonly services: readonly string[];
  /** Whether QStash calls the system at intervals, so that a host does not put it to sleep. */
  readonly wake: boolean;
  /** Calls the gateway. */
  readonly call: ApiClient["call"];
}

const Keys = z.object({ current: z.string(), next: z.string() });
const wakeId = "edgepass-wake";
const wakeCron = "*/5 * * * *";

/** Checks everything that events need of QStash and of the system, one after the other. */
export async function setUpEvents(setup: EventsSetup): Promise<readonly Reported[]> {
  const client = await loadQstashClient({ ...setup.qstash, timeoutMs: 10_000 });
  const found: Reported[] = [{ check: "address", ...checkReach(setup) }];
  const look = async (check: string, work: () => Promise<Finding>) => {
    found.push({ check, ...await work().catch(toFailure) });
  };
  await look("keys", async () => {
    const keys: unknown = await client.http.request({ method: "GET", path: ["v2", "keys"] });
    return compareKeys(setup.signingKeys, z.parse(Keys, keys));
  });
  await look("dlq", async () => {
    const { messages } = await client.dlq.listMessages({ count: 1 });
    return messages.length === 0
      ? ok("there are no dead letters")
      : ok("the dead letters can be read; deno task dlq list shows ours");
  });
  await look("schedule", () => scheduleWaking(client, setup));
  for (const service of setup.services) await look(service, () => checkDestination(setup, service));
  // One cause is one finding, whichever check met it.
  return found.filter(({ what }, at) => found.findIndex((other) => other.what === what) === at);
}

/** QStash reaches only publicly resolvable names, which no check from this machine can verify. */
function checkReach({ qstash, publicOrigin }: EventsSetup): Finding {
  if (isLoopback(publicOrigin) && !isLoopback(qstash.url)) {
    return fail(
      `PUBLIC_ORIGIN ${publicOrigin} is on this machine, but QStash is not`,
      "set PUBLIC_ORIGIN to the public https origin",
    );
  }
  return ok(
    `events are sent by ${new URL(qstash.url).host} to ${toDestination(publicOrigin, "…")}`,
  );
}

function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}

function compareKeys(
  { current, next }: EventsSetup["signingKeys"],
  keys: z.infer<typeof Keys>,
): Finding {
  const fix =
    "set QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY as the console shows them";
  if (current === keys.current && next === keys.next) {
    return ok("the token is accepted, and the signing keys are those of QStash");
  }
  if (![current, next].includes(keys.current)) {
    return fail("every delivery is refused: no signing key here is QStash's current one", fix);
  }
  return warn("deliveries are accepted until the signing keys are rolled again", fix);
}

/** Maintenance is the system's own; it only runs while something keeps the system awake. */
async function scheduleWaking(
  client: QstashClient,
  { publicOrigin, wake }: EventsSetup,
): Promise<Finding> {
  const destination = `${publicOrigin}/livez`;
  const present = (await client.schedules.list()).find(({ scheduleId }) => scheduleId === wakeId);
  const what = `the schedule ${wakeId} calls ${destination} by ${wakeCron}`;
  if (present?.destination === destination && present.cron === wakeCron) return ok(what);
  if (!wake) {
    return ok(
      "no schedule is needed: maintenance runs by cron on Workers, by a timer on Deno; where a " +
        "host stops idle processes, as Deno Deploy does, --wake makes QStash call the system",
    );
  }
  await client.schedules.create({
    scheduleId: wakeId,
    destination,
    cron: wakeCron,
    method: "GET",
    retries: 0,
  });
  return ok(`created: ${what}`);
}

/** Without a signature it must be refused, by the service and for that very reason. */
async function checkDestination(
  { publicOrigin, call }: EventsSetup,
  service: string,
): Promise<Finding> {
  const destination = toDestination(publicOrigin, service);
  for (const path of [`/events/${service}`, `/events/${service}/failed`]) {
    const refusal = await call("POST", path, { body: {} }).then(() => undefined, (error) => error);
    const isRefused = refusal instanceof ApiFailure && refusal.status === 401 &&
      refusal.code === "event_signature_invalid";
    if (isRefused) continue;
    const reason = refusal instanceof Error
      ? refusal.message
      : `${path} accepted a request without a signature`;
    return fail(
      `${destination} does not accept deliveries: ${reason}`,
      `check that ${service} is running, and that PUBLIC_ORIGIN is the gateway's own`,
    );
  }
  return ok(`${destination} is reachable, and refuses requests that QStash has not signed`);
}

function toFailure(error: unknown): Finding {
  if (!(error instanceof PublishError)) {
    const reason = error instanceof Error ? error.name : "unknown reason";
    return fail(
      `QStash returned an unusable response (${reason})`,
      "check that QSTASH_URL is that of a QStash",
    );
  }
  return error.kind === "unauthorized"
    ? fail("QStash refuses the token", "set QSTASH_TOKEN to the token of this QStash's region")
    : fail(error.message, "check that QSTASH_URL is that of your region, and that it is up");
}

if (import.meta.main) {
  readArguments({ usage });
  exitWith(await setUp(Deno.args, Deno.env.toObject(), terminalAnsi()));
}
