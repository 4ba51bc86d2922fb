import * as z from "zod/mini";
import { type ApiClient, ApiFailure } from "../system/api_client.ts";
import { Refusal } from "./refusal.ts";

/** The administrator's login, and where the gateway listens. */
export interface Administrator {
  readonly port: number;
  readonly email: string;
  /** Secret. */
  readonly password: string;
}

/** The public API, called as the system's administrator. */
export interface AdminApi {
  /**
   * @throws {ApiFailure} for any response but a success
   * @throws {Refusal} when the gateway does not respond, or the administrator has changed
   */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** The administrator's id, after a first login. */
  userId(): string | null;
  close(): void;
}

const Token = z.object({ accessToken: z.string() });
const Claims = z.object({ sub: z.string() });

/** Logs in with the first call, and again when the token is no longer valid. */
export function createAdminApi(
  { email, password }: Pick<Administrator, "email" | "password">,
  client: ApiClient,
): AdminApi {
  let login: Promise<string> | undefined;
  let userId: string | null = null;

  async function logIn(): Promise<string> {
    const body = { grantType: "password", email, password };
    const { accessToken } = z.parse(Token, await client.call("POST", "/auth/token", { body }));
    userId = readSubject(accessToken);
    return accessToken;
  }

  /** Concurrent calls share one login; a failed one is not stored. */
  async function token(): Promise<string> {
    login ??= logIn();
    const mine = login;
    return await mine.catch((error: unknown) => {
      if (login === mine) login = undefined;
      if (error instanceof ApiFailure && error.status === 401) {
        throw new Refusal(502, "The administrator's password has changed");
      }
      throw error;
    });
  }

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const used = await token();
    const options = { token: used, ...(body === undefined ? {} : { body }) };
    try {
      return await client.call(method, path, options);
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 401) throw error;
      if (await login === used) login = undefined;
      return await client.call(method, path, { ...options, token: await token() });
    }
  }

  return {
    call: (method, path, body) => call(method, path, body).catch(requireAnswer),
    userId: () => userId,
    close: () => client.close(),
  };
}

function requireAnswer(error: unknown): never {
  if (error instanceof Refusal || error instanceof ApiFailure) throw error;
  throw new Refusal(502, "The gateway does not respond");
}

/** The token comes from the system itself, and no decision depends on its content. */
function readSubject(token: string): string | null {
  const [, payload = ""] = token.split(".");
  try {
    const text = new TextDecoder().decode(
      Uint8Array.fromBase64(payload, { alphabet: "base64url" }),
    );
    return z.parse(Claims, JSON.parse(text)).sub.replace(/^user:/, "");
  } catch {
    return null;
  }
}
