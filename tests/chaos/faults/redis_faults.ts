import { createEmbeddedRedis, createRedisRest, type RedisBackend } from "@edgepass/local/redis";
import { randomSecret } from "../../settings.ts";

/** How Redis responds, in addition to network faults. */
export type RedisCondition =
  | { readonly kind: "well" }
  /** The same response to every request. */
  | {
    readonly kind: "responds";
    readonly status: number;
    readonly body: string;
    readonly type?: string;
  }
  /** Writes are refused, as with a full disk or on a replica. */
  | { readonly kind: "read-only" }
  /** Readers see writes this much later, the writer at once. */
  | { readonly kind: "lags"; readonly ms: number };

/** Redis with a reader and a writer endpoint, like a replica and its primary. */
export interface FaultyRedis extends AsyncDisposable {
  readonly token: string;
  /** The endpoint of the gateways. */
  readonly reader: Deno.NetAddr;
  /** The endpoint of auth. */
  readonly writer: Deno.NetAddr;
  /** Writes to the primary as auth does, subject to the condition. */
  write(...command: string[]): Promise<void>;
  /** Empties primary and replica. */
  flush(): Promise<void>;
  set(condition: RedisCondition): void;
  /** Number of reader calls so far. */
  calls(): number;
}

const reads: ReadonlySet<string> = new Set(["get", "mget", "exists", "ttl", "ping"]);

/** Serves an embedded Redis with a settable condition. */
export function startFaultyRedis(): FaultyRedis {
  const token = randomSecret();
  const primary = createEmbeddedRedis();
  const replica = createEmbeddedRedis();
  const late = new Set<ReturnType<typeof setTimeout>>();
  let condition: RedisCondition = { kind: "well" };
  let calls = 0;
  // A write goes to both; only its way to the replica may be delayed.
  const both: RedisBackend = {
    ...primary,
    async execute(command) {
      const name = (command[0] ?? "").toLowerCase();
      if (condition.kind === "read-only" && !reads.has(name)) {
        return { error: "READONLY You can't write against a read only replica." };
      }
      const reply = await primary.execute(command);
      if (condition.kind === "lags") {
        const timer = setTimeout(() => {
          late.delete(timer);
          void replica.execute(command);
        }, condition.ms);
        late.add(timer);
      } else await replica.execute(command);
      return reply;
    },
  };
  const toPrimary = createRedisRest({ backend: both, token });
  const toReplica = createRedisRest({ backend: replica, token });
  const reader = serve((request) => {
    calls++;
    if (condition.kind !== "responds") return toReplica(request);
    const { status, body, type = "application/json" } = condition;
    return new Response(body, { status, headers: { "content-type": type } });
  });
  const writer = serve(toPrimary);
  return {
    token,
    reader: reader.addr,
    writer: writer.addr,
    write: async (...command) => void await both.execute(command),
    async flush() {
      await Promise.all([primary.execute(["FLUSHALL"]), replica.execute(["FLUSHALL"])]);
    },
    set: (next) => void (condition = next),
    calls: () => calls,
    async [Symbol.asyncDispose]() {
      for (const timer of late) clearTimeout(timer);
      await Promise.all([reader.shutdown(), writer.shutdown()]);
      await Promise.all([primary.close(), replica.close()]);
    },
  };
}

function serve(handler: (request: Request) => Response | Promise<Response>) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
}
