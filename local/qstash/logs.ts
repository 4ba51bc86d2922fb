import { isSuccess } from "./attempt.ts";
import type { Attempt, Letter, State } from "./model.ts";
import { integerOf, jsonOf, type Row, type Sql, textOf } from "./sql.ts";

/** A line of the log as the API shows it, with the fields every line has. */
export type LogEntry = Readonly<Record<string, unknown>> & {
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
  forgetBefore(time: number): void;
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
  return {
    add(state, letter, more = {}) {
      const time = now();
      sql.run(
        "INSERT INTO logs (time, message_id, state, detail) VALUES (?,?,?,?)",
        time,
        letter.id,
        state,
        JSON.stringify(toDetail(letter, more)),
      );
      onNote({ time, state, letter, ...more });
    },
    before: (seq, limit) =>
      sql.all("SELECT * FROM logs WHERE seq < ? ORDER BY seq DESC LIMIT ?", seq, limit).map(
        toEntry,
      ),
    ofMessages: (ids) =>
      ids.flatMap((id) => sql.all("SELECT * FROM logs WHERE message_id = ?", id)).map(toEntry)
        .sort((a, b) => b.seq - a.seq),
    forgetBefore: (time) => void sql.run("DELETE FROM logs WHERE time < ?", time),
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

function toEntry(row: Row): LogEntry {
  return {
    ...jsonOf<Record<string, unknown>>(row, "detail"),
    seq: integerOf(row, "seq"),
    time: integerOf(row, "time"),
    messageId: textOf(row, "message_id"),
    state: textOf(row, "state"),
  };
}
