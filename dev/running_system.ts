import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import * as z from "zod/mini";
import { type ApiClient, createApiClient } from "./api_client.ts";
import { projectRoot } from "./processes.ts";
import { StartError } from "./start_error.ts";

/** A system that runs on this machine, called as its administrator. */
export interface RunningSystem extends Disposable {
  /** Calls the public API. @throws {ApiFailure} for any answer but a success */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
}

const Token = z.object({ accessToken: z.string() });

/**
 * Finds the system that `PORT` and `EDGEPASS_HOME` name, by what its last start wrote, and logs its
 * administrator in.
 *
 * @throws {StartError} when nothing was ever started there, or nobody answers
 * @throws {ApiFailure} when the administrator's password is another one by now
 */
export async function findRunningSystem(
  variables: Readonly<Record<string, string>>,
): Promise<RunningSystem> {
  const settings = readSettings(variables);
  const port = Number(settings.PORT);
  const api = createApiClient({ port, host: new URL(settings.PUBLIC_ORIGIN ?? "").host });
  try {
    const token = await logIn(api, settings);
    return {
      call: (method, path, body) =>
        api.call(method, path, { token, ...(body === undefined ? {} : { body }) }),
      [Symbol.dispose]: () => api.close(),
    };
  } catch (error) {
    api.close();
    if (!(error instanceof TypeError)) throw error;
    throw new StartError(`nobody answers on port ${port}; run deno task dev`, { cause: error });
  }
}

async function logIn(
  api: ApiClient,
  { ADMIN_EMAIL: email, ADMIN_PASSWORD: password }: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const body = { grantType: "password", email, password };
  return z.parse(Token, await api.call("POST", "/auth/token", { body })).accessToken;
}

function readSettings(
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  const home = resolve(variables.EDGEPASS_HOME || `${projectRoot}.edgepass`);
  const path = join(home, "dev.env");
  try {
    const written = parseEnv(Deno.readTextFileSync(path));
    return { ...written, ...(variables.PORT ? { PORT: variables.PORT } : {}) };
  } catch (cause) {
    throw new StartError(`no settings of a running system in ${path}; run deno task dev`, {
      cause,
    });
  }
}
