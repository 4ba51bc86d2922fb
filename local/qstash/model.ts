/** Header names in lower case, each with its values. */
export type HeaderMap = Readonly<Record<string, readonly string[]>>;

/** How a message is to be delivered, by the publisher's headers. */
export interface Delivery {
  readonly method: string;
  /** What is sent to the destination. */
  readonly header: HeaderMap;
  readonly maxRetries: number;
  readonly retryDelay?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly labels: readonly string[];
  readonly callback?: Callback | undefined;
  readonly failureCallback?: Callback | undefined;
}

/** Where the outcome of an attempt is sent; what is left out is as for the message itself. */
export interface Callback {
  readonly url: string;
  readonly method: string;
  readonly header: HeaderMap;
  readonly maxRetries?: number | undefined;
  readonly retryDelay?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly delayMs?: number | undefined;
}

/** What a message came from. */
export interface Origin {
  readonly callerIp: string;
  readonly groupName?: string | undefined;
  readonly endpointName?: string | undefined;
  readonly scheduleId?: string | undefined;
}

/** What a message under way and a dead one have in common. */
export interface Letter {
  readonly id: string;
  /** The destination exactly as the publisher wrote it: the signature covers this text. */
  readonly url: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly delivery: Delivery;
  readonly origin: Origin;
  readonly queue?: string | undefined;
  readonly createdAt: number;
  readonly notBefore?: number | undefined;
}

export interface NewMessage extends Letter {
  /** When the next attempt is due. */
  readonly nextAt: number;
  /** A duplicate made by a fault: delivered once, its outcome changes nothing. */
  readonly copy: boolean;
}

export interface Message extends NewMessage {
  readonly seq: number;
  /** How often it has been retried. */
  readonly retried: number;
  /** Whether it is being delivered. */
  readonly active: boolean;
}

/** The result of one attempt; without a response the status is 0. */
export interface Attempt {
  readonly status: number;
  readonly header: HeaderMap;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly error?: string | undefined;
}

export interface DeadLetter extends Letter {
  readonly seq: number;
  readonly dlqId: string;
  readonly failedAt: number;
  readonly response: Attempt;
}

export type State =
  | "CREATED"
  | "ACTIVE"
  | "RETRY"
  | "ERROR"
  | "DELIVERED"
  | "FAILED"
  | "CANCELED";

/** The headers of a request or a response as a map. */
export function toHeaderMap(headers: Headers): HeaderMap {
  const map: Record<string, string[]> = {};
  for (const [name, value] of headers) (map[name] ??= []).push(value);
  return map;
}

/** Gives this many random bytes. */
export type Random = (count: number) => Uint8Array;

/** Random bytes of Web Crypto. */
export function cryptoRandom(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** A number from 0 up to but not including 1. */
export function fraction(random: Random): number {
  const bytes = random(6);
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 48;
}

/** Makes ids such as `msg_…`: sortable by time, and as unpredictable as `random`. */
export function makeId(prefix: string, now: number, random: Random): string {
  return `${prefix}_${now.toString(36).padStart(9, "0")}${random(12).toHex()}`;
}
