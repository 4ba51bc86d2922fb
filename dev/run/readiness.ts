import { parseJson } from "@edgepass/shared/crypto";
import { stripVTControlCharacters } from "node:util";
import * as z from "zod/mini";
import { readLogLine } from "../terminal/log_line.ts";
import type { Ending, RunningProcess } from "./processes.ts";
import { StartError } from "../workspace/start.ts";

const pollMs = 50;

export interface ReadinessOptions {
  /** Milliseconds until the start counts as failed. */
  readonly timeoutMs: number;
  /** The host name for requests to the gateway; it serves no other. */
  readonly host: string;
}

/** What a ready process reports that works only in part: the issuers without usable keys. */
const Degraded = z.object({ degraded: z._default(z.array(z.string()), []) });

/**
 * Waits until a process answers 200 on `/readyz`, and returns what it names as degraded.
 *
 * @throws {StartError} when it ends or stays not ready; the message has its last response
 */
export async function waitUntilReady(
  process: Pick<RunningProcess, "name" | "ended">,
  port: number,
  { timeoutMs, host }: ReadinessOptions,
): Promise<readonly string[]> {
  // The gateway accepts only its public name, which may not be that of this loopback port.
  const client = Deno.createHttpClient({ allowHost: true });
  const deadline = performance.now() + timeoutMs;
  const ended = process.ended.then((ending) => ({ ending }));
  try {
    for (let detail = "no response";;) {
      const state = await Promise.race([ended, probe(port, { client, host })]);
      if ("ending" in state) throw toStartError(state.ending);
      if (state.degraded) return state.degraded;
      detail = state.detail ?? detail;
      if (performance.now() > deadline) {
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
    return { detail: text.slice(0, 300) || `status ${response.status}` };
  } catch {
    return {};
  }
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
