import { exitWith, type Outcome, terminalAnsi } from "../terminal/outcome.ts";
import * as z from "zod/mini";
import { readArguments } from "@edgepass/shared/runtime/deno";
import { ApiFailure } from "../system/api_client.ts";
import { type Ansi, clean, cut, maxWidth } from "../terminal/text.ts";
import { serviceNames } from "../workspace/settings.ts";
import { asAdministrator, findSystem } from "../system/system.ts";

const usage = `Usage: deno task dlq list
       deno task dlq show <id>
       deno task dlq replay <id>
       deno task dlq replay --all [--poison]
       deno task dlq drop <id>`;

/** A dead letter as the admin API lists it. */
const DeadLetter = z.object({
  id: z.string(),
  eventId: z.nullable(z.string()),
  type: z.nullable(z.string()),
  subject: z.nullable(z.string()),
  failedAt: z.nullable(z.string()),
  attempts: z.nullable(z.number()),
  status: z.nullable(z.number()),
  poison: z.boolean(),
  reason: z.string(),
});
type DeadLetter = z.infer<typeof DeadLetter>;

const Page = z.object({ items: z.array(DeadLetter), nextCursor: z.nullable(z.string()) });
const Replayed = z.object({ replayed: z.number(), poison: z.number(), more: z.boolean() });

/** What a command does with a system; each service has dead letters of its own. */
type Command = (system: {
  /** Calls the admin API of one service. */
  readonly call: (method: string, service: string, path: string) => Promise<unknown>;
  readonly ansi: Ansi;
}) => Promise<Outcome>;

/** Lists, shows, replays and drops the dead letters of every service of a running system. */
export async function dlq(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  ansi: Ansi,
): Promise<Outcome> {
  const command = readCommand(args);
  if (!command) return { text: usage, code: 2 };
  try {
    return await asAdministrator(findSystem(variables), async (call) =>
      await command({
        call: (method, service, path) =>
          call(method, `/admin/events/${service}/dead-letters${path}`),
        ansi,
      }));
  } catch (error) {
    return { text: describe(error), code: 1 };
  }
}

function readCommand([name, ...args]: readonly string[]): Command | undefined {
  const [first] = args;
  if (name === "list" && args.length === 0) return list;
  if (name === "replay" && first === "--all") {
    const [flag, ...more] = args.slice(1);
    if (more.length > 0 || (flag !== undefined && flag !== "--poison")) return undefined;
    return replayAll(flag === "--poison");
  }
  if (first === undefined || args.length > 1 || !/^[\w-]+$/.test(first)) return undefined;
  if (first.startsWith("--")) return undefined;
  if (name === "show") return withOne(first, ["GET", ""], show);
  if (name === "replay") {
    return withOne(first, ["POST", "/replay"], (service) => `Replayed: ${first}, for ${service}`);
  }
  if (name === "drop") {
    return withOne(first, ["DELETE", ""], (service) => `Dropped: ${first}, of ${service}`);
  }
  return undefined;
}

const list: Command = async ({ call, ansi }) => {
  return await overAll(async (service) => {
    const letters: DeadLetter[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query = new URLSearchParams({ limit: "100", ...(cursor === "" ? {} : { cursor }) });
      const page: z.infer<typeof Page> = z.parse(Page, await call("GET", service, `?${query}`));
      letters.push(...page.items);
      cursor = page.nextCursor;
    }
    return formatDeadLetters(service, letters, ansi);
  });
};

function replayAll(poison: boolean): Command {
  const path = poison ? "/replay?poison=true" : "/replay";
  return async ({ call }) => {
    return await overAll(async (service) => {
      const { replayed, poison: left, more } = z.parse(Replayed, await call("POST", service, path));
      const leftNote = left > 0 ? `, ${left} poison not replayed` : "";
      return [
        `${service}: ${replayed} replayed${leftNote}${more ? "; there are more, repeat it" : ""}`,
      ];
    });
  };
}

/** A service that cannot be reached must not hide the dead letters of the others. */
async function overAll(work: (service: string) => Promise<readonly string[]>): Promise<Outcome> {
  const lines: string[] = [];
  let code = 0;
  for (const service of serviceNames) {
    try {
      lines.push(...await work(service));
    } catch (error) {
      lines.push(`${service}: ${describe(error)}`);
      code = 1;
    }
  }
  return { text: lines.join("\n"), code };
}

/**
 * Ids are QStash's and do not name the service, so each is called until one has the dead letter.
 */
function withOne(
  id: string,
  [method, path]: readonly [method: string, path: string],
  format: (service: string, deadLetter: unknown) => string,
): Command {
  return async ({ call }) => {
    for (const service of serviceNames) {
      try {
        return { text: format(service, await call(method, service, `/${id}${path}`)), code: 0 };
      } catch (error) {
        if (!(error instanceof ApiFailure && error.code === "not_found")) throw error;
      }
    }
    return { text: `No service has a dead letter ${id}`, code: 1 };
  };
}

function show(service: string, deadLetter: unknown): string {
  const text = JSON.stringify({ service, ...Object(deadLetter) }, undefined, 2);
  return text.split("\n").map(clean).join("\n");
}

function describe(error: unknown): string {
  return clean(error instanceof Error ? error.message : "unknown reason");
}

/** Two lines for each dead letter: which event it is, and why it is here. */
export function formatDeadLetters(
  service: string,
  letters: readonly DeadLetter[],
  ansi: Ansi,
): string[] {
  if (letters.length === 0) return [`${service}: none`];
  const count = `${letters.length} dead letter${letters.length === 1 ? "" : "s"}`;
  return [
    ansi("bold", `${service}: ${count}`),
    ...letters.flatMap((one) => formatDeadLetter(one, ansi)),
  ];
}

function formatDeadLetter(letter: DeadLetter, ansi: Ansi): string[] {
  const { id, type, subject, failedAt, attempts, status, poison, reason } = letter;
  const what = type === null ? "no event" : `${type} of ${subject}`;
  const when = failedAt === null ? "" : `, ${failedAt}`;
  const often = attempts === null ? "" : `, ${attempts} attempts`;
  const outcome = poison ? "poison" : status === null ? "no response" : `status ${status}`;
  return [
    `  ${ansi("cyan", clean(id))}  ${
      cut(clean(`${what}${when}${often}`), maxWidth - id.length - 4)
    }`,
    ansi(poison ? "red" : "yellow", cut(`    ${outcome}: ${clean(reason)}`, maxWidth)),
  ];
}

if (import.meta.main) {
  readArguments({ usage });
  exitWith(await dlq(Deno.args, Deno.env.toObject(), terminalAnsi()));
}
