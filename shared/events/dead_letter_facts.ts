import * as z from "zod/mini";
import { readJsonObject } from "../crypto/json_object.ts";
import { poisonStatus, type QStashDeadLetter } from "./dead_letter_client.ts";

/** An event that QStash gave up delivering, for whoever decides what becomes of it. */
export interface DeadLetter {
  /** Its name among QStash's dead letters. */
  readonly id: string;
  /** Id of the event; null where it is none, as type and subject are. */
  readonly eventId: string | null;
  /** What happened. */
  readonly type: string | null;
  /** Id of what it happened to. */
  readonly subject: string | null;
  /** RFC 3339; null where QStash does not tell. */
  readonly failedAt: string | null;
  /** How often it was tried; null where an answer ended it early, which QStash does not count. */
  readonly attempts: number | null;
  /** Of the last answer; null where none came. */
  readonly status: number | null;
  /** The consumer has said that no repetition will mend it. */
  readonly poison: boolean;
  /** What the last answer said was wrong. */
  readonly reason: string;
}

/** A dead letter with all that QStash has of it. */
export interface CompleteDeadLetter extends DeadLetter {
  /** What was sent: the CloudEvent, or the text where it is none. */
  readonly event: unknown;
  /** The beginning of the last answer's body; null where there was none. */
  readonly answer: string | null;
}

const maxReasonLength = 200;
const maxAnswerLength = 2_000;

const Published = z.object({
  id: z.catch(z.nullable(z.string()), null),
  type: z.catch(z.nullable(z.string()), null),
  subject: z.catch(z.nullable(z.string()), null),
});
const Timed = z.object({ time: z.string() });
const FallbackResult = z.object({ title: z.string(), detail: z.optional(z.string()) });

/** What a letter says in a list. */
export function toDeadLetter(deadLetter: QStashDeadLetter): DeadLetter {
  const { id, failedAt, maxRetries, status } = deadLetter;
  const poison = status === poisonStatus;
  const { data: said } = z.safeParse(Published, readText(deadLetter.body));
  return {
    id,
    eventId: said?.id ?? null,
    type: said?.type ?? null,
    subject: said?.subject ?? null,
    failedAt: failedAt === undefined ? null : new Date(failedAt).toISOString(),
    attempts: poison || maxRetries === undefined ? null : maxRetries + 1,
    status: status ?? null,
    poison,
    reason: toReason(deadLetter),
  };
}

/** All that is known of a letter. */
export function toCompleteDeadLetter(deadLetter: QStashDeadLetter): CompleteDeadLetter {
  return {
    ...toDeadLetter(deadLetter),
    event: readText(deadLetter.body) ?? deadLetter.body ?? null,
    answer: deadLetter.answer?.slice(0, maxAnswerLength) ?? null,
  };
}

/** Whose event it is; undefined where it is none. */
export function readDoctorContext({ body }: QStashDeadLetter): string | undefined {
  return z.safeParse(Published, readText(body)).data?.subject ?? undefined;
}

/** When its event happened, epoch milliseconds: what stays when a replay makes a new message of it. */
export function readOrigin({ body, createdAt }: QStashDeadLetter): number {
  const { data } = z.safeParse(Timed, readText(body));
  const time = Date.parse(data?.time ?? "");
  return Number.isFinite(time) ? time : createdAt;
}

function toReason({ status, answer }: QStashDeadLetter): string {
  if (status === undefined) return "No answer came";
  const { data } = z.safeParse(FallbackResult, readText(answer));
  const said = data && (data.detail ?? data.title);
  return (said ?? `Answered ${status}`).slice(0, maxReasonLength);
}

function readText(text: string | undefined): unknown {
  return text === undefined ? undefined : readJsonObject(new TextEncoder().encode(text));
}
