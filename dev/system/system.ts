import * as z from "zod/mini";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { type ApiClient, ApiFailure, createApiClient, createOriginClient } from "./api_client.ts";
import { projectRoot } from "../workspace/workspace.ts";
import { readGiven, type Settings } from "../workspace/settings.ts";

/** A running system: this machine's dev, or a deployment. */
export interface System {
  /** Where it is, for messages. */
  readonly name: string;
  /** Whether it is this machine's dev, whose files are at hand. */
  readonly isDev: boolean;
  readonly settings: Readonly<Partial<Settings>>;
  /** Opens a client of its gateway; close it. */
  open(): ApiClient;
}

/** There is no such system, or its administrator is unknown. */
export class SystemNotFound extends Error {
  override readonly name = "SystemUnknown";
}

/**
 * Finds the system that a task is for.
 *
 * `PUBLIC_ORIGIN`, `ADMIN_EMAIL` and `ADMIN_PASSWORD` together name a deployment. Without them it
 * is the dev command of `EDGEPASS_HOME`, by the settings it wrote at its last start; `PORT` is the
 * port on which it listens if that has changed.
 *
 * @throws {SystemNotFound} naming what is missing
 */
export function findSystem(variables: Readonly<Record<string, string>>): System {
  const given = readGiven(variables);
  const { PUBLIC_ORIGIN, ADMIN_EMAIL, ADMIN_PASSWORD } = given;
  if (PUBLIC_ORIGIN && ADMIN_EMAIL && ADMIN_PASSWORD) {
    return {
      name: PUBLIC_ORIGIN,
      isDev: false,
      settings: given,
      open: () => createOriginClient(PUBLIC_ORIGIN),
    };
  }
  const workspace = resolve(given.EDGEPASS_HOME ?? `${projectRoot}.edgepass`);
  const written = readWritten(join(workspace, "dev.env"));
  // A task for a deployment without its administrator must not run against dev.
  if (PUBLIC_ORIGIN !== undefined && PUBLIC_ORIGIN !== written.PUBLIC_ORIGIN) {
    throw new SystemNotFound(`ADMIN_EMAIL and ADMIN_PASSWORD of ${PUBLIC_ORIGIN} are not set`);
  }
  const settings = { ...written, ...(given.PORT === undefined ? {} : { PORT: given.PORT }) };
  const port = Number(settings.PORT);
  const host = URL.parse(settings.PUBLIC_ORIGIN ?? "")?.host;
  if (!(port > 0) || host === undefined) {
    throw new SystemNotFound(`${join(workspace, "dev.env")} has no address of dev`);
  }
  const name = `http://127.0.0.1:${port}`;
  return { name, isDev: true, settings, open: () => createApiClient({ port, host }) };
}

const Token = z.object({ accessToken: z.string() });

/**
 * Does something as the system's administrator, and ends that login afterwards.
 *
 * @throws {ApiFailure} when the system refuses
 * @throws {SystemNotFound} when its administrator is unknown
 */
export async function asAdministrator<Result>(
  { name, settings: { ADMIN_EMAIL: email, ADMIN_PASSWORD: password }, open }: System,
  work: (
    call: (method: string, path: string, body?: unknown) => Promise<unknown>,
  ) => Promise<Result>,
): Promise<Result> {
  if (!email || !password) throw new SystemNotFound("ADMIN_EMAIL or ADMIN_PASSWORD is missing");
  const api = open();
  try {
    const body = { grantType: "password", email, password };
    const token = z.parse(Token, await reach(name, () => api.call("POST", "/auth/token", { body })))
      .accessToken;
    try {
      return await work((method, path, body) => api.call(method, path, { token, body }));
    } finally {
      // A login that outlives the task is a nuisance in a list; the task itself has succeeded.
      await api.call("POST", "/auth/logout", { token }).catch(() => {});
    }
  } finally {
    api.close();
  }
}

/** The network's own message for a refused connection does not help. */
async function reach<Result>(name: string, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new SystemNotFound(`no response from ${name}: check that it is running`, { cause });
  }
}

function readWritten(path: string): Readonly<Partial<Settings>> {
  try {
    return readGiven(
      Object.fromEntries(
        Object.entries(parseEnv(Deno.readTextFileSync(path)))
          .map(([name, value]) => [name, value ?? ""]),
      ),
    );
  } catch (cause) {
    throw new SystemNotFound(
      `${path} cannot be read: start deno task dev, or set PUBLIC_ORIGIN, ADMIN_EMAIL and ` +
        "ADMIN_PASSWORD of a deployment",
      { cause },
    );
  }
}

/** Waits between two tries; a minute and a half in all, longer than a breaker stays open. */
const pausesMs = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 30_000] as const;

/**
 * Repeats an operation while the system responds 503: a database or Redis that is away for a moment
 * must not end a comparison that has run for minutes.
 *
 * @throws whatever the last try threw
 */
export async function retryWhileAway<Result>(
  pause: (ms: number) => Promise<void>,
  work: () => Promise<Result>,
): Promise<Result> {
  for (const ms of pausesMs) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiFailure && error.status === 503)) throw error;
      await pause(ms);
    }
  }
  return await work();
}
