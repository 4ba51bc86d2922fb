import * as z from "zod/mini";
import type { PartState } from "./api.ts";
import { openAnyForReading } from "./database.ts";

/** How something is, and why. */
export interface Finding {
  readonly state: PartState;
  readonly reason: string;
}

/** Asks one part of the system how it is; never rejects. */
export type Check = () => Promise<Finding>;

const timeoutMs = 1_500;

const Readiness = z.object({ checks: z._default(z.record(z.string(), z.string()), {}) });

/**
 * Asks a program for `/readyz`. Until it has answered for the first time it is starting.
 *
 * The gateway knows its public name alone, which may not be that of the loopback port.
 */
export function checkHttp(
  { port, host, client }: { port: number; host: string; client: Deno.HttpClient },
): Check {
  let hasAnswered = false;
  return async function askReadiness() {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
        client,
        headers: { host },
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      hasAnswered = true;
      if (response.status === 200) return { state: "ready", reason: "" };
      return { state: "not ready", reason: readReason(text) ?? `status ${response.status}` };
    } catch (error) {
      if (!hasAnswered) return { state: "starting", reason: "it has not answered yet" };
      return { state: "down", reason: describe(error) };
    }
  };
}

/** The checks of a `/readyz` that are not well. */
function readReason(text: string): string | undefined {
  const { data } = z.safeParse(z.pipe(z.string(), z.transform(parseJson)), text);
  const { checks = {} } = z.safeParse(Readiness, data).data ?? {};
  const failing = Object.entries(checks).filter(([, state]) => state !== "ready");
  return failing.length === 0
    ? undefined
    : failing.map(([name, state]) => `${name}: ${state}`).join("; ");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const Pong = z.object({ result: z.literal("PONG") });

/** Sends PING to a Redis endpoint of the REST protocol. */
export function checkRedis({ url, token }: { url: string; token: string }): Check {
  return async function pingRedis() {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: '["PING"]',
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
      const answer: unknown = await response.json();
      if (z.safeParse(Pong, answer).success) return { state: "ready", reason: "" };
      return { state: "not ready", reason: `PING was answered with status ${response.status}` };
    } catch (error) {
      return { state: "down", reason: describe(error) };
    }
  };
}

/** Reads something of a SQLite file; one that is not there yet is made by its service. */
export function checkDatabase(path: string): Check {
  return function readDatabase() {
    try {
      using db = openAnyForReading(path);
      db.get("SELECT count(*) FROM sqlite_schema");
      return Promise.resolve({ state: "ready", reason: "" });
    } catch (error) {
      const reason = error instanceof Error ? error.message : "it cannot be read";
      return Promise.resolve({ state: "not ready", reason });
    }
  };
}

/** What went wrong with a call, without the address, which everybody knows. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  const cause = error.cause instanceof Error ? error.cause.message : "";
  return cause.includes("client error (Connect)") ? "nobody listens there" : error.name;
}
