import * as z from "zod/mini";
import { decodeBase64Url, readJsonObject } from "../crypto/encoding.ts";
import type { Logger } from "../log.ts";
import { Problem } from "../problem.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Delivery } from "./consumer.ts";
import { poisonStatus, type QStashDeadLetter } from "./dead_letter_client.ts";
import type { SignatureCheck } from "./delivery.ts";

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
    log.error("Event became a dead letter", { ...failure, ...readSource(sourceBody) });
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

/** An event that QStash gave up delivering, as administrators see it. */
export interface DeadLetter {
  /** QStash's id of the dead letter. */
  readonly id: string;
  /** Id of the event; null, as are type and subject, if the message is not an event. */
  readonly eventId: string | null;
  /** Type of the event. */
  readonly type: string | null;
  /** Subject of the event. */
  readonly subject: string | null;
  /** RFC 3339; null if QStash does not report it. */
  readonly failedAt: string | null;
  /** Number of attempts; null if a response ended them early, which QStash does not count. */
  readonly attempts: number | null;
  /** Status of the last response; null if there was none. */
  readonly status: number | null;
  /** The consumer reported that no retry can apply it. */
  readonly poison: boolean;
  /** The reason in the last response. */
  readonly reason: string;
}

/** A dead letter with its message and the last response. */
export interface CompleteDeadLetter extends DeadLetter {
  /** The message: the CloudEvent, or the text if it is not JSON. */
  readonly event: unknown;
  /** The beginning of the last response's body; null if there was none. */
  readonly answer: string | null;
}

const maxReasonLength = 200;
const maxResponseLength = 2_000;

const Attributes = z.object({
  id: z.catch(z.nullable(z.string()), null),
  type: z.catch(z.nullable(z.string()), null),
  subject: z.catch(z.nullable(z.string()), null),
});
const Timed = z.object({ time: z.string() });
const ProblemBody = z.object({ title: z.string(), detail: z.optional(z.string()) });

/** A dead letter as an item of a list. */
export function toDeadLetter(deadLetter: QStashDeadLetter): DeadLetter {
  const { id, failedAt, maxRetries, status } = deadLetter;
  const poison = status === poisonStatus;
  const { data: attributes } = z.safeParse(Attributes, readText(deadLetter.body));
  return {
    id,
    eventId: attributes?.id ?? null,
    type: attributes?.type ?? null,
    subject: attributes?.subject ?? null,
    failedAt: failedAt === undefined ? null : new Date(failedAt).toISOString(),
    attempts: poison || maxRetries === undefined ? null : maxRetries + 1,
    status: status ?? null,
    poison,
    reason: toReason(deadLetter),
  };
}

/** A dead letter with all its fields. */
export function toCompleteDeadLetter(deadLetter: QStashDeadLetter): CompleteDeadLetter {
  return {
    ...toDeadLetter(deadLetter),
    event: readText(deadLetter.body) ?? deadLetter.body ?? null,
    answer: deadLetter.responseBody?.slice(0, maxResponseLength) ?? null,
  };
}

/** The subject of a dead letter's event; undefined if the message is not an event. */
export function readSubject({ body }: QStashDeadLetter): string | undefined {
  return z.safeParse(Attributes, readText(body)).data?.subject ?? undefined;
}

/**
 * Time of the event, epoch milliseconds. Unlike the message's time, a replay does not change it.
 */
export function readOrigin({ body, createdAt }: QStashDeadLetter): number {
  const { data } = z.safeParse(Timed, readText(body));
  const time = Date.parse(data?.time ?? "");
  return Number.isFinite(time) ? time : createdAt;
}

function toReason({ status, responseBody }: QStashDeadLetter): string {
  if (status === undefined) return "No answer came";
  const { data } = z.safeParse(ProblemBody, readText(responseBody));
  const reason = data && (data.detail ?? data.title);
  return (reason ?? `Answered ${status}`).slice(0, maxReasonLength);
}

function readText(text: string | undefined): unknown {
  return text === undefined ? undefined : readJsonObject(new TextEncoder().encode(text));
}
