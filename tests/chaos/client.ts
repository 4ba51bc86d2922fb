import { isObject, type Json, objectAt } from "../support/json.ts";
import type { Ending } from "./ledger.ts";

/** Somebody with an account. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  token?: string | undefined;
  refreshToken?: string | undefined;
  /** One renewal at a time, whoever acts in this person's name. */
  renewal?: Promise<boolean> | undefined;
}

/** A request of somebody's; without a person it is nobody's. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly by?: Person;
}

/** What came of a request. */
export interface Answer {
  readonly ending: Ending;
  /** 0 when no answer came. */
  readonly status: number;
  readonly data: Json;
}

/** Asks the system in the name of people. */
export interface Client {
  /** Renews what has run out, and asks once more then. */
  send(sent: Sent): Promise<Answer>;
  /** Gives a person tokens; false when that is not possible now. */
  logIn(person: Person): Promise<boolean>;
}

/** A client gives up then, and does not know what came of its request. */
const timeoutMs = 15_000;

/** Makes the client that everybody uses. */
export function createClient(origin: string): Client {
  async function ask({ method, path, body, by }: Sent): Promise<Answer> {
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
    const { ending, data } = await ask({ method: "POST", path: "/auth/token", body });
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
      const first = by && by.token === undefined ? undefined : await ask(sent);
      if (first && (first.status !== 401 || !by)) return first;
      if (!by) throw new TypeError("Cannot renew the tokens of nobody");
      by.renewal ??= renew(by).finally(() => by.renewal = undefined);
      // Whoever got no token has not asked for anything.
      return await by.renewal ? await ask(sent) : { ending: "fail", status: 401, data: {} };
    },
  };
}

function readData(text: string): Json {
  try {
    const answer: unknown = JSON.parse(text);
    return isObject(answer) ? objectAt(answer, "data") : {};
  } catch {
    return {};
  }
}
