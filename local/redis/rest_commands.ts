import type { Command } from "./backend.ts";
import { toText } from "./bytes.ts";
import type { Failure } from "./reply.ts";

/**
 * Commands that no REST request may send: they change or hold the connection, which all requests
 * share, or stop the server.
 */
const connectionCommands = new Set(
  ("MULTI EXEC DISCARD WATCH UNWATCH SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE " +
    "SUNSUBSCRIBE MONITOR AUTH HELLO SELECT SWAPDB QUIT RESET CLIENT READONLY READWRITE ASKING " +
    "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF SYNC PSYNC " +
    "REPLCONF REPLICAOF SLAVEOF SHUTDOWN FAILOVER").split(" "),
);
const mayBlock = new Set(["XREAD", "XREADGROUP"]);

/** Refuses a command that is not available over REST. */
export function refuseConnectionCommand([name = "", ...args]: Command): Failure | undefined {
  const upper = name.toUpperCase();
  const blocks = mayBlock.has(upper) && args.some((word) => word.toUpperCase() === "BLOCK");
  if (!connectionCommands.has(upper) && !blocks) return undefined;
  return { error: `ERR Command is not available over REST: '${toText(name).slice(0, 128)}'` };
}
