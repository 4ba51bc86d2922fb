import { createEmbeddedRedis, createRedisRest, type RedisBackend } from "@edgepass/dev/redis";
import { randomSecret } from "../../settings.ts";

/** How Redis answers, beyond what the network does to it. */
export type RedisCondition =
  | { readonly kind: "well" }
  /** The same answer to everything. */
  | {
    readonly kind: "answers";
    readonly status: number;
    readonly body: string;
    readonly type?: string;
  }
  /** Writes are refused, as by a full disk or a replica. */
  | { readonly kind: "read-only" }
  /** What is written is seen by readers so much later, and by the writer at once. */
  | { readonly kind: "lags"; readonly ms: number };

/** Redis with an endpoint for readers and one for writers, as a replica and its primary. */
export interface FaultyRedis extends AsyncDisposable {
  readonly token: string;
  /** Where gateways read. */
  readonly reader: Deno.NetAddr;
  /** Where auth writes. */
  readonly writer: Deno.NetAddr;
  /** What auth does: writes at the primary, whatever the mood makes of it. */
  write(...command: string[]): Promise<void>;
  /** Empties primary and replica. */
  flush(): Promise<void>;
  set(severity: RedisCondition): void;
  /** Calls of readers so far. */
  calls(): number;
}

const reads: ReadonlySet<string> = new Set(["get", "mget", "exists", "ttl", "ping"]);

/** Serves an embedded Redis that can be in moods. */
export function startFaultyRedis(): FaultyRedis {
  const token = randomSecret();
  const primary = createEmbeddedRedis();
  const replica = createEmbeddedRedis();
  const late = new Set<ReturnType<typeof setTimeout>>();
  let severity: RedisCondition = { kind: "well" };
  let calls = 0;
  // What writers say goes to both; only its way to the replica is ever late.
  const both: RedisBackend = {
    ...primary,
    async execute(command) {
      const name = (command[0] ?? "").toLowerCase();
      if (severity.kind === "read-only" && !reads.has(name)) {
        return { error: "READONLY You can't write against a read only replica." };
      }
      const reply = await primary.execute(command);
      if (severity.kind === "lags") {
        const timer = setTimeout(() => {
          late.delete(timer);
          void replica.execute(command);
        }, severity.ms);
        late.add(timer);
      } else await replica.execute(command);
      return reply;
    },
  };
  const toPrimary = createRedisRest({ backend: both, token });
  const toReplica = createRedisRest({ backend: replica, token });
  const reader = serve((request) => {
    calls++;
    if (severity.kind !== "answers") return toReplica(request);
    const { status, body, type = "application/json" } = severity;
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
    set: (next) => void (severity = next),
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
