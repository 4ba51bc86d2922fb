import { isSuccess } from "./attempt.ts";
import type { Attempt, Letter, State } from "./model.ts";
import { createTable, integer, json, type Sql, text } from "./sql.ts";

type LogFields = Readonly<Record<string, unknown>>;

/** A line of the log as the API shows it, with the fields every line has. */
export type LogEntry = LogFields & {
  readonly seq: number;
  readonly time: number;
  readonly messageId: string;
  readonly state: string;
};

export interface Logs {
  add(state: State, letter: Letter, more?: LogDetail): void;
  /** Newest first, of those before `seq`. */
  before(seq: number, limit: number): LogEntry[];
  ofMessages(ids: readonly string[]): LogEntry[];
  deleteBefore(time: number): void;
}

export interface LogDetail {
  readonly attempt?: Attempt;
  readonly nextDeliveryTime?: number;
}

/** What happened to a message, for listeners: with the message and the response in full. */
export interface LogNote extends LogDetail {
  readonly time: number;
  readonly state: State;
  readonly letter: Letter;
}

/** The log of messages, in SQLite; `onNote` receives each entry too, at once and in order. */
export function createLogs(
  sql: Sql,
  now: () => number,
  onNote: (note: LogNote) => void = () => {},
): Logs {
  const inserted = { time: integer, messageId: text, state: text, detail: json<LogFields>() };
  const fresh = createTable(sql, "logs", inserted);
  const table = createTable(sql, "logs", { ...inserted, seq: integer });
  const toEntry = ({ detail, ...entry }: ReturnType<typeof table.all>[number]): LogEntry => ({
    ...detail,
    ...entry,
  });
  return {
    add(state, letter, more = {}) {
      const time = now();
      fresh.put({ time, messageId: letter.id, state, detail: toDetail(letter, more) });
      onNote({ time, state, letter, ...more });
    },
    before: (seq, limit) => table.all("seq < ? ORDER BY seq DESC LIMIT ?", seq, limit).map(toEntry),
    ofMessages: (ids) =>
      ids.flatMap((id) => table.all("message_id = ?", id)).map(toEntry)
        .sort((a, b) => b.seq - a.seq),
    deleteBefore: (time) => void table.remove("time < ?", time),
  };
}

function toDetail({ url, delivery, origin, queue }: Letter, more: LogDetail) {
  const { attempt, nextDeliveryTime } = more;
  return {
    url,
    method: delivery.method,
    maxRetries: delivery.maxRetries,
    retryDelayExpression: delivery.retryDelay,
    timeout: delivery.timeoutMs,
    callback: delivery.callback?.url,
    failureCallback: delivery.failureCallback?.url,
    topicName: origin.groupName,
    endpointName: origin.endpointName,
    scheduleId: origin.scheduleId,
    queueName: queue,
    callerIP: origin.callerIp,
    ...labelsJson(delivery.labels),
    nextDeliveryTime,
    ...(attempt && !isSuccess(attempt) && attemptDetail(attempt)),
  };
}

function attemptDetail({ status, header, body, error }: Attempt) {
  return {
    error: error ?? `${status}`,
    responseStatus: status || undefined,
    responseHeaders: status ? header : undefined,
    responseBody: status ? body.toBase64() : undefined,
  };
}

/** The first label is there twice: older clients read it as `label`. */
export function labelsJson(labels: readonly string[]) {
  return labels.length > 0 ? { label: labels[0], labels } : {};
}
