import type { Logger } from "../log.ts";
import type { Redis } from "../redis/mod.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { EventTable } from "./cloud_event.ts";
import type { ReportFailure } from "./dead_letter.ts";
import { openDeadLetterClient } from "./dead_letter_client.ts";
import {
  createDeadLetterMaintenance,
  type DeadLetterMaintenance,
} from "./dead_letter_maintenance.ts";
import { createDeadLetterQueue, type DeadLetterQueue } from "./dead_letter_queue.ts";
import { createPublisher } from "./publisher.ts";
import { createQstashClient, type EventSettings, type Fetch, toDestination } from "./qstash.ts";
import { createRelay, type Relay } from "./relay.ts";
import type { RelayRows } from "./relay_rows.ts";
import type { SequenceMark } from "./sequences.ts";

/** Effects that tests replace. */
export interface EventsEffects {
  /** Replaces the Redis of the settings. */
  readonly redis?: Redis;
  /** Sends requests to QStash. */
  readonly fetch?: Fetch;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** Timeout of a publishing call. */
  readonly publishTimeoutMs?: number;
}

/** A service's use of QStash; without QStash nothing is published or replayed. */
export interface OpenQstash {
  readonly relay: Relay | undefined;
  readonly deadLetters: DeadLetterQueue;
  readonly deadLetterMaintenance: DeadLetterMaintenance | undefined;
}

/** Timeout of a call about dead letters; an administrator waits for it. */
const deadLetterTimeoutMs = 2_500;

/** Opens publishing to QStash and access to its dead letters. */
export function openQstash(
  { settings: { qstash, publicOrigin }, effects, table, reportFailure, findEnded, ...deps }: {
    service: string;
    table: EventTable;
    rows: RelayRows;
    log: Logger;
    telemetry: Telemetry;
    now: () => number;
    settings: EventSettings;
    effects: EventsEffects;
    reportFailure: ReportFailure;
    mark: SequenceMark | undefined;
    findEnded: (subjects: readonly string[]) => Promise<ReadonlySet<string>>;
  },
): OpenQstash {
  const { service, log, now } = deps;
  if (qstash === undefined || publicOrigin === undefined) {
    const deadLetters = createDeadLetterQueue({ client: undefined, now });
    return { relay: undefined, deadLetters, deadLetterMaintenance: undefined };
  }
  const { fetch, random = Math.random, publishTimeoutMs: timeoutMs } = effects;
  const access = { ...qstash, fetch, now };
  const publish = createPublisher({ ...access, timeoutMs, table, publicOrigin });
  const client = createQstashClient({ ...access, timeoutMs: deadLetterTimeoutMs });
  const destination = toDestination(publicOrigin, service);
  const failureUrl = `${destination}/failed`;
  const withCallbacks = openDeadLetterClient(client, [destination, failureUrl]);
  const deadLetters = openDeadLetterClient(client, [destination]);
  return {
    relay: createRelay({ ...deps, publish, random }),
    deadLetters: createDeadLetterQueue({ client: deadLetters, now }),
    deadLetterMaintenance: createDeadLetterMaintenance({
      client: withCallbacks,
      failureUrl,
      findEnded,
      reportFailure,
      log,
      now,
    }),
  };
}
