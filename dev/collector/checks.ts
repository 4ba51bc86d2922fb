import { parseJson } from "@edgepass/shared/crypto";
import * as z from "zod/mini";
import type { PartState } from "./api.ts";
import { openAnyForReading } from "./database.ts";

/** The state of a part, and the reason. */
export interface Finding {
  readonly state: PartState;
  readonly reason: string;
}

/** Checks one part of the system; never rejects. */
export type Check = () => Promise<Finding>;

const timeoutMs = 1_500;

const Readiness = z.object({ checks: z._default(z.record(z.string(), z.string()), {}) });

/**
 * Requests `/readyz` of a program. Until its first response it counts as starting.
 *
 * The gateway accepts only its public name, which may not be that of the loopback port.
 */
export function checkHttp(
  { port, host, client }: { port: number; host: string; client: Deno.HttpClient },
): Check {
  let hasResponded = false;
  return async function askReadiness() {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
        client,
        headers: { host },
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      hasResponded = true;
      const reason = readReason(text);
      // A gateway that is ready without one of its issuers names it here.
      if (response.status === 200) return { state: "ready", reason: reason ?? "" };
      return { state: "not ready", reason: reason ?? `status ${response.status}` };
    } catch (error) {
      if (!hasResponded) return { state: "starting", reason: "it has not responded yet" };
      return { state: "down", reason: describe(error) };
    }
  };
}

/** The checks of a `/readyz` that are not ready. */
function readReason(text: string): string | undefined {
  const { data } = z.safeParse(z.pipe(z.string(), z.transform(parseJson)), text);
  const { checks = {} } = z.safeParse(Readiness, data).data ?? {};
  const failing = Object.entries(checks).filter(([, state]) => state !== "ready");
  return failing.length === 0
    ? undefined
    : failing.map(([name, state]) => `${name}: ${state}`).join("; ");
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
      const reply: unknown = await response.json();
      if (z.safeParse(Pong, reply).success) return { state: "ready", reason: "" };
      return { state: "not ready", reason: `PING returned status ${response.status}` };
    } catch (error) {
      return { state: "down", reason: describe(error) };
    }
  };
}

/** Reads from a SQLite file; one that is not there yet is created by its service. */
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

/** What went wrong with a call, without the address, which is no secret but no help either. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError") return `no response within ${timeoutMs} ms`;
  const cause = error.cause instanceof Error ? error.cause.message : "";
  return cause.includes("client error (Connect)") ? "the connection was refused" : error.name;
}
