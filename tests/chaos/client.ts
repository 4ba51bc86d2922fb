import { isObject, type Json, objectAt } from "../support/json.ts";
import type { Ending } from "./ledger.ts";

/** A user with an account. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  token?: string | undefined;
  refreshToken?: string | undefined;
  /** One renewal at a time for all concurrent requests of this user. */
  renewal?: Promise<boolean> | undefined;
}

/** A request of a user; without a user it is anonymous. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly by?: Person;
}

/** The result of a request. */
export interface Outcome {
  readonly ending: Ending;
  /** 0 without a response. */
  readonly status: number;
  readonly data: Json;
}

/** Sends requests in the name of users. */
export interface Client {
  /** Renews an expired token, and then repeats the request once. */
  send(sent: Sent): Promise<Outcome>;
  /** Gets tokens for a user; false where that fails now. */
  logIn(person: Person): Promise<boolean>;
}

/** The client's timeout; after it the outcome of the request is unknown. */
const timeoutMs = 15_000;

/** Creates the client that all users share. */
export function createClient(origin: string): Client {
  async function request({ method, path, body, by }: Sent): Promise<Outcome> {
    try {
      const response = await fetch(origin + path, {
        method,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(by?.token === undefined ? {} : { authorization: `Bearer ${by.token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const { status } = response;
      const data = readData(await response.text());
      return { ending: status < 400 ? "ok" : status < 500 ? "fail" : "unknown", status, data };
    } catch {
      return { ending: "unknown", status: 0, data: {} };
    }
  }

  async function takeTokens(person: Person, body: Json): Promise<boolean> {
    const { ending, data } = await request({ method: "POST", path: "/auth/token", body });
    if (ending !== "ok") return false;
    person.token = String(data.accessToken);
    person.refreshToken = String(data.refreshToken);
    return true;
  }

  const logIn = ({ email, password }: Person) => ({ grantType: "password", email, password });

  async function renew(person: Person): Promise<boolean> {
    const { refreshToken } = person;
    if (refreshToken !== undefined) {
      if (await takeTokens(person, { grantType: "refresh_token", refreshToken })) return true;
      person.refreshToken = undefined;
    }
    return await takeTokens(person, logIn(person));
  }

  return {
    logIn: (person) => takeTokens(person, logIn(person)),
    async send(sent) {
      const { by } = sent;
      const first = by && by.token === undefined ? undefined : await request(sent);
      if (first && (first.status !== 401 || !by)) return first;
      if (!by) throw new TypeError("Cannot renew tokens without a user");
      by.renewal ??= renew(by).finally(() => by.renewal = undefined);
      // Without a token the request was never sent.
      return await by.renewal ? await request(sent) : { ending: "fail", status: 401, data: {} };
    },
  };
}

function readData(text: string): Json {
  try {
    const response: unknown = JSON.parse(text);
    return isObject(response) ? objectAt(response, "data") : {};
  } catch {
    return {};
  }
}
