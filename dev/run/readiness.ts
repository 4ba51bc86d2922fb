import { parseJson } from "@edgepass/shared/crypto";
import { stripVTControlCharacters } from "node:util";
import * as z from "zod/mini";
import { readLogLine, toReason } from "../terminal/log_line.ts";
import type { Ending, RunningProcess } from "./processes.ts";
import { StartError } from "../workspace/start.ts";

const pollMs = 50;

export interface ReadinessOptions {
  /** Milliseconds until the start counts as failed. */
  readonly timeoutMs: number;
  /** The host name for requests to the gateway; it serves no other. */
  readonly host: string;
  /** Is called, once it has taken some seconds, with what a process reports that it waits for. */
  readonly waiting?: (detail: string) => void;
  /** Milliseconds until it is called, 3000 by default. */
  readonly patienceMs?: number;
}

/** What a ready process reports that works only in part: the issuers without usable keys. */
const Degraded = z.object({ degraded: z._default(z.array(z.string()), []) });

/** What a process that is not ready reports of each part that it needs. */
const Checks = z.object({ checks: z.record(z.string(), z.string()) });

/**
 * Waits until a process answers 200 on `/readyz`, and returns what it names as degraded.
 *
 * @throws {StartError} when it ends or stays not ready; the message has its last response
 */
export async function waitUntilReady(
  process: Pick<RunningProcess, "name" | "ended">,
  port: number,
  { timeoutMs, host, waiting, patienceMs = 3_000 }: ReadinessOptions,
): Promise<readonly string[]> {
  // The gateway accepts only its public name, which may not be that of this loopback port.
  const client = Deno.createHttpClient({ allowHost: true });
  const startedAt = performance.now();
  let isTold = waiting === undefined;
  const ended = process.ended.then((ending) => ({ ending }));
  try {
    for (let detail = "no response";;) {
      const state = await Promise.race([ended, probe(port, { client, host })]);
      if ("ending" in state) throw toStartError(state.ending);
      if (state.degraded) return state.degraded;
      detail = state.detail ?? detail;
      const tookMs = performance.now() - startedAt;
      // A minute without a word looks like a hang.
      if (!isTold && state.detail !== undefined && tookMs > patienceMs) {
        isTold = true;
        waiting?.(state.detail);
      }
      if (tookMs > timeoutMs) {
        const seconds = Math.round(timeoutMs / 1000);
        throw new StartError(`${process.name} is not ready after ${seconds} s: ${detail}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    client.close();
  }
}

async function probe(
  port: number,
  { client, host }: { client: Deno.HttpClient; host: string },
): Promise<{ degraded?: readonly string[]; detail?: string }> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
      client,
      headers: { host },
      signal: AbortSignal.timeout(2_000),
    });
    const text = await response.text();
    if (response.status === 200) {
      return { degraded: z.safeParse(Degraded, parseJson(text)).data?.degraded ?? [] };
    }
    return { detail: readUnready(text) ?? (text.slice(0, 300) || `status ${response.status}`) };
  } catch {
    return {};
  }
}

/** The parts that are not ready, with the reason of each. */
function readUnready(text: string): string | undefined {
  const { checks = {} } = z.safeParse(Checks, parseJson(text)).data ?? {};
  const unready = Object.entries(checks).filter(([, state]) => state !== "ready");
  return unready.map(([name, state]) => `${name}: ${state}`).join("; ") || undefined;
}

/** The issuer whose keys the gateway could not read, and why, if a line of it says so. */
export function readUnreadKeys(text: string): { issuer: string; cause: string } | undefined {
  const line = readLogLine(stripVTControlCharacters(text));
  if (line?.message !== "Issuer's keys could not be read") return undefined;
  const { issuer, cause } = line.fields;
  return { issuer: String(issuer), cause: toReason(cause) ?? "see its log" };
}

/** The gateway's response may be here before the line that it wrote first. */
export async function untilCausesRead(
  issuers: readonly string[],
  causes: ReadonlyMap<string, string>,
): Promise<void> {
  const hasAll = () => issuers.every((issuer) => causes.has(issuer));
  for (let tries = 0; tries < 10 && !hasAll(); tries++) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** A warning about an issuer that the system starts without. */
export function describeDegraded(issuer: string, causes: ReadonlyMap<string, string>): string {
  const cause = causes.get(issuer);
  return `No usable keys of issuer ${issuer} yet${cause === undefined ? "" : ` (${cause})`}: ` +
    "its tokens get 503 until its keys can be read; see deno task doctor";
}

/** What a start that takes long waits for. */
export function describeWait(
  name: string,
  detail: string,
  causes: ReadonlyMap<string, string>,
): string {
  const why = [...causes].filter(([issuer]) => detail.includes(`issuer ${issuer}: `))
    .map(([issuer, cause]) => ` (${issuer}: ${cause})`);
  return `Waiting for ${name}, which is not ready: ${detail}${why.join("")}; see deno task doctor`;
}

/** A program that refuses its settings reports it itself, in one complete line. */
function toStartError(ending: Ending): StartError {
  const own = ending.lastLines.findLast((line) => line.startsWith("Cannot start"));
  const code = exitCodeOf(ending);
  return new StartError(own ?? describeEnding(ending), { code: code === 0 ? 1 : code });
}

/**
 * Whether a program ended because it refused its settings, which it reports in a line of its own.
 */
export function isRefusal({ lastLines }: Pick<Ending, "lastLines">): boolean {
  return lastLines.some((line) => line.startsWith("Cannot start"));
}

/**
 * Why a Worker does not start, if a line of wrangler says so: its process goes on serving, and the
 * Worker refuses every request.
 */
export function readRefusal(line: string): string | undefined {
  return /Cannot start: .*$/.exec(stripVTControlCharacters(line))?.[0];
}

/** The exit code that a shell reports for it. */
export function exitCodeOf({ code, signal }: Pick<Ending, "code" | "signal">): number {
  return signal === null ? code : Math.max(code, 129);
}

/** One line on how a process ended, with its last line that may be the reason. */
export function describeEnding({ name, code, signal, lastLines }: Ending): string {
  const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  const last = lastLines.filter(mayExplain).map(stripVTControlCharacters).join("\n  ");
  return last === "" ? `${name} ${how}` : `${name} ${how}; its last lines:\n  ${last}`;
}

/** Requests that succeeded before it ended are in its log file, and would bury the reason here. */
function mayExplain(line: string): boolean {
  if (line.trim() === "") return false;
  const level = readLogLine(line)?.level;
  return level !== "info" && level !== "debug";
}

/** What a probe of a server finds: it responds, the connection is refused, or it takes too long. */
export type Look = "answers" | "refuses" | "silent";

export interface LivenessOptions {
  readonly look: () => Promise<Look>;
  /** Waits between two probes. */
  readonly pause: () => Promise<void>;
}

/** A busy machine may be late once or twice, and a Worker that is reloaded refuses for a moment. */
const maxFailures = 5;

/**
 * Resolves when a server has failed several probes in a row.
 *
 * The process that dev starts may outlive the one inside that serves, as wrangler outlives workerd:
 * dev would get no event of its end, and every request would hang.
 */
export async function untilDead({ look, pause }: LivenessOptions): Promise<Look> {
  for (let failures = 0;;) {
    await pause();
    const found = await look();
    failures = found === "answers" ? 0 : failures + 1;
    if (failures >= maxFailures) return found;
  }
}

const everyMs = 1_000;
const patienceMs = 5_000;

/** Probes a gateway on loopback by its `/livez`, which depends on no other service. */
export function livenessOf(port: number, host: string, ended: AbortSignal): LivenessOptions {
  const client = Deno.createHttpClient({ allowHost: true });
  ended.addEventListener("abort", () => client.close());
  return {
    async look() {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/livez`, {
          client,
          headers: { host },
          signal: AbortSignal.timeout(patienceMs),
        });
        await response.body?.cancel();
        return "answers";
      } catch (error) {
        return error instanceof TypeError ? "refuses" : "silent";
      }
    },
    pause: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        ended.addEventListener("abort", () => clearTimeout(timer));
      }),
  };
}
