import type { Bytes } from "../bytes.ts";
import type { Reply } from "../reply.ts";
import { at, type CommandTable, type Context } from "./command.ts";
import { wrongArity } from "./errors.ts";

/** The connection and the server itself. */
export const serverCommands: CommandTable = {
  PING: { arity: -1, run: (_context, args) => ping(args) },
  ECHO: { arity: 2, run: (_context, args) => at(args, 0) },
  TIME: { arity: 1, run: time },
  PUBLISH: {
    arity: 3,
    mayReplicate: true,
    run: ({ publish }, args) => publish(at(args, 0), at(args, 1)),
  },
};

function ping(args: readonly Bytes[]): Reply {
  if (args.length > 1) throw wrongArity("ping");
  return args[0] ?? { status: "PONG" };
}

function time({ now }: Context): Reply {
  const micros = Math.round((now % 1000) * 1000);
  return [String(Math.floor(now / 1000)), String(micros)];
}
