import type { Bytes } from "./bytes.ts";
import type { Failure, Reply } from "./reply.ts";

/** A command, its name first. Every argument is a byte string. */
export type Command = readonly Bytes[];

/** What a subscription delivers; `pattern` is there for pattern subscriptions. */
export interface Message {
  readonly channel: Bytes;
  readonly payload: Bytes;
  readonly pattern?: Bytes;
}

export interface Subscription {
  readonly channel: Bytes;
  readonly kind: "channel" | "pattern";
  readonly onMessage: (message: Message) => void;
  /** Called once when the backend ends the subscription by itself. */
  readonly onEnd: () => void;
}

/** Redis as the REST endpoint needs it. A failing command is a reply; only outages reject. */
export interface RedisBackend {
  /** Runs one command; calls made in one turn run in the order of the calls. */
  execute(command: Command): Promise<Reply>;
  /** Runs all commands with nothing in between, or none: then the reply is one failure. */
  multi(commands: readonly Command[]): Promise<readonly Reply[] | Failure>;
  /** Delivers messages until the returned function is called. */
  subscribe(subscription: Subscription): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** The real Redis behind the endpoint cannot be reached or went away during a command. */
export class RedisUnavailable extends Error {
  override readonly name = "RedisUnavailable";
}

/** Words a discarded transaction as Redis 7 does. */
export function discarded(reason: string): Failure {
  return { error: `EXECABORT Transaction discarded because of: ${reason}` };
}
