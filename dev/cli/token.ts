import { createTokenInspector } from "@edgepass/gateway";
import { resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { readArguments } from "@edgepass/shared/runtime/deno";
import type { Outcome } from "../terminal/outcome.ts";
import { terminalAnsi } from "../terminal/outcome.ts";
import { type Ansi, clean, maxWidth, wrap } from "../terminal/text.ts";
import { createOriginClient } from "../system/api_client.ts";
import { findSystem, SystemNotFound } from "../system/system.ts";
import { projectRoot } from "../workspace/workspace.ts";
import { formatReport } from "./token_report.ts";

const usage = `Usage: deno task token [--claims] [<JWT> | -]
Verifies an access token as the gateway does, and shows every check.
Without an argument, or with -, the token is read from standard input: an argument stays in the
shell's history, and deno task prints it.
--claims shows the values of personal claims too.
Exit code: 0 accepted, 1 refused, 2 not readable.`;

const keySetPath = "/.well-known/jwks.json";

/** Where the settings are from, and how the keys of our own issuer are fetched. */
interface Source {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  fetchOwnKeys(): Promise<unknown>;
}

/**
 * The settings of the system that a task is for: `ISSUERS` of the environment where it is given, or
 * those of the dev command's last start. Its Redis serves both: the variable that dev was started
 * with is often still in the shell.
 */
function findSource(variables: Readonly<Record<string, string>>): Source {
  const { PUBLIC_ORIGIN, ISSUER, ISSUERS, UPSTASH_REDIS_REST_URL } = variables;
  const own = findSystemOrNone(variables);
  if (own && !ISSUERS) {
    const { name, settings, open } = own;
    return { name, settings, fetchOwnKeys: () => callOnce(open) };
  }
  if (!ISSUERS && !ISSUER && !PUBLIC_ORIGIN) {
    const home = resolve(variables.EDGEPASS_HOME || `${projectRoot}.edgepass`);
    throw new SystemNotFound(
      `no dev has run in ${home}: start deno task dev there, or set EDGEPASS_HOME or ISSUERS`,
    );
  }
  const ofDev = own?.isDev && !UPSTASH_REDIS_REST_URL ? own : undefined;
  return {
    name: ofDev ? `the environment, with revocations of ${ofDev.name}` : "the environment",
    settings: { ...variables, ...readRedis(ofDev?.settings ?? {}) },
    async fetchOwnKeys() {
      if (!PUBLIC_ORIGIN) throw new SystemNotFound("PUBLIC_ORIGIN is not set");
      return await callOnce(() => createOriginClient(PUBLIC_ORIGIN));
    },
  };
}

function readRedis(
  { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN }: Readonly<Partial<Record<string, string>>>,
): Readonly<Record<string, string>> {
  if (!UPSTASH_REDIS_REST_URL || !UPSTASH_REDIS_REST_TOKEN) return {};
  return { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN };
}

function findSystemOrNone(variables: Readonly<Record<string, string>>) {
  try {
    return findSystem(variables);
  } catch (error) {
    if (error instanceof SystemNotFound) return undefined;
    throw error;
  }
}

async function callOnce(open: () => ReturnType<typeof createOriginClient>): Promise<unknown> {
  const api = open();
  try {
    return await api.call("GET", keySetPath, { isBare: true });
  } finally {
    api.close();
  }
}

/**
 * Explains what the gateway makes of a token. The text contains neither the token nor, without
 * `--claims`, a value of a personal claim; nothing is written anywhere else.
 */
export async function inspectToken(
  text: string,
  { variables, showsAll, now, ansi }: {
    readonly variables: Readonly<Record<string, string>>;
    readonly showsAll: boolean;
    readonly now: () => number;
    readonly ansi: Ansi;
  },
): Promise<Outcome> {
  const token = text.trim().replace(/^Bearer +/i, "");
  if (token === "") return { text: `There is no token\n${usage}`, code: 2 };
  try {
    const { name, settings, fetchOwnKeys } = findSource(variables);
    const ownKeys = async () => Response.json(await fetchOwnKeys());
    const { inspect, ...inspector } = createTokenInspector(settings, { ownKeys, now });
    const inspection = await inspect(token);
    const { outcome, claims } = inspection;
    const names = inspector.issuers.map(({ alias = "our own" }) => alias).join(", ");
    const head = wrap(`Checked against the issuers of ${name}: ${names || "none"}`, maxWidth);
    const size = new TextEncoder().encode(token).length;
    const report = formatReport(inspection, { inspector, size, showsAll, now: now(), ansi });
    const isRefused = "reason" in outcome &&
      (claims !== undefined || outcome.reason !== "malformed");
    const code = "identity" in outcome ? 0 : isRefused ? 1 : 2;
    return { text: [...head, "", report].join("\n"), code };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    return { text: `The token was not checked: ${clean(reason)}`, code: 2 };
  }
}

/** A terminal shows what is typed, and cuts a line at 4096 bytes: both end with raw input. */
async function readTerminal(): Promise<string> {
  console.error("Paste the token and press Enter; it is not shown, and not stored.");
  Deno.stdin.setRaw(true);
  try {
    let text = "";
    const decoder = new TextDecoder();
    for await (const part of Deno.stdin.readable) {
      // Terminals put pasted text between two sequences of their own.
      text = stripVTControlCharacters(text + decoder.decode(part, { stream: true }));
      if (text.includes("\x03")) Deno.exit(130);
      if (/\p{Cc}/u.test(text)) break;
    }
    return text.replace(/\p{Cc}.*$/su, "");
  } finally {
    Deno.stdin.setRaw(false);
  }
}

if (import.meta.main) {
  readArguments({ usage });
  const words = Deno.args.filter((arg) => !arg.startsWith("--"));
  if (words.length > 1) {
    console.error("A token is one word; deno task token --help shows what it takes");
    Deno.exit(2);
  }
  const [word = "-"] = words;
  if (word !== "-") {
    console.error("An argument stays in the shell's history; standard input does not.\n");
  }
  const text = word !== "-"
    ? word
    : Deno.stdin.isTerminal()
    ? await readTerminal()
    : await new Response(Deno.stdin.readable).text();
  const outcome = await inspectToken(text, {
    variables: Deno.env.toObject(),
    showsAll: Deno.args.includes("--claims"),
    now: Date.now,
    ansi: terminalAnsi(),
  });
  if (outcome.code === 2) console.error(outcome.text);
  else console.log(outcome.text);
  Deno.exit(outcome.code);
}
