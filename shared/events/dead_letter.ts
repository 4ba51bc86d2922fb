import * as z from "zod/mini";
import { decodeBase64Url } from "../crypto/bytes.ts";
import { readJsonObject } from "../crypto/json_object.ts";
import type { Logger } from "../log.ts";
import { Problem } from "../problem.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Delivery } from "./consumer.ts";
import type { SignatureCheck } from "./signature.ts";

/** QStash's report of a message that it gave up; only the fields for the log are read. */
const Failure = z.object({
  status: z.optional(z.number()),
  retried: z.optional(z.number()),
  dlqId: z.optional(z.string()),
  sourceMessageId: z.optional(z.string()),
  sourceBody: z.optional(z.string()),
});

const Named = z.object({ type: z.string(), id: z.string(), subject: z.string() });

/** Counts and logs a dead letter, from the body of a failure callback. */
export type ReportFailure = (body: Uint8Array<ArrayBuffer>) => void;

/** Creates the report that the failure callback and scheduled maintenance share. */
export function createReportFailure(
  { service, log, telemetry }: {
    readonly service: string;
    readonly log: Logger;
    readonly telemetry: Telemetry;
  },
): ReportFailure {
  return function reportFailure(body) {
    const { data } = z.safeParse(Failure, readJsonObject(body));
    const { sourceBody, ...failure } = data ?? {};
    telemetry.metrics.add("edgepass.events.dead_letters", { "edgepass.service": service });
    log.error("Event is among the dead letters", { ...failure, ...readSource(sourceBody) });
  };
}

/** Dependencies of the failure callback. */
export interface DeadLetterDeps {
  readonly check: SignatureCheck;
  /** `<PUBLIC_ORIGIN>/events/<service>/failed`. */
  readonly url: string;
  readonly log: Logger;
  readonly reportFailure: ReportFailure;
}

/**
 * Creates the failure callback: it counts and logs a delivery that QStash gave up. The message
 * itself stays in QStash's dead letter queue.
 *
 * @throws {Problem} `event_signature_invalid`
 */
export function createDeadLetters(
  { check, url, log, reportFailure }: DeadLetterDeps,
): (delivery: Delivery) => Promise<void> {
  return async function receiveFailure(delivery) {
    const reason = await check({ ...delivery, url });
    if (reason !== undefined) {
      log.warn("Failure callback refused", { reason });
      throw new Problem("event_signature_invalid");
    }
    reportFailure(new Uint8Array(delivery.body));
  };
}

/** Identifies the event; its data is not logged, because it may hold personal data. */
function readSource(base64: string | undefined): Record<string, string> {
  const bytes = decodeBase64Url(
    (base64 ?? "").replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""),
  );
  const { success, data } = z.safeParse(Named, bytes && readJsonObject(bytes));
  return success ? { type: data.type, event: data.id, subject: data.subject } : {};
}
