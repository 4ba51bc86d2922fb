import { createIssuerKey, type IssuerKey, signParts } from "./gateway_tokens.ts";
import { type RecordingUpstream, type Seen, startUpstream } from "./gateway_upstreams.ts";
import { type Environment, ourClaims } from "./gateway_environment.ts";

import type { Served } from "./gateway_platforms.ts";

type Page = (seen: Seen) => Response | Promise<Response>;

/** What an issuer serves, by path; any other path is 404. */
export type Pages = Readonly<Record<string, Page>>;

export interface IssuerSetup {
  readonly row?: (issuer: RecordingUpstream) => object;
  readonly pages?: (issuer: RecordingUpstream, set: { keys: readonly object[] }) => Pages;
}

/** An issuer on a server of its own, and a gateway with a row for it. */
export interface Publisher extends AsyncDisposable {
  readonly issuer: RecordingUpstream;
  readonly key: IssuerKey;
  readonly gateway: Served;
  /** Sends a token of the issuer, with changes in its header and claims, and signed by a key. */
  send(header?: object, claims?: object, by?: Pick<IssuerKey, "sign">): Promise<Reply>;
  readiness(): Promise<Reply>;
  /** The paths that were requested from the issuer. */
  targets(): string[];
}

/** Starts both. */
export async function withPublisher(
  environment: Environment,
  { row, pages }: IssuerSetup,
): Promise<Publisher> {
  const key = await createIssuerKey("ES256");
  const issuer = startUpstream();
  const set = { keys: [key.jwk] };
  const served: Pages = { "/keys": () => Response.json(set), ...pages?.(issuer, set) };
  issuer.respondWith((_request, seen) =>
    Object.entries(served).find(([path]) => path === seen.target)?.[1](seen) ??
      new Response("nothing here", { status: 404 })
  );
  const settings = {
    alias: "corp",
    iss: issuer.url,
    audience: "api",
    algorithms: ["ES256"],
    ...row?.(issuer),
  };
  const gateway = await environment.serve({ ISSUERS: JSON.stringify([settings]) });
  const { iat, exp } = ourClaims();
  return {
    issuer,
    key,
    gateway,
    async send(header = {}, claims = {}, by = key) {
      const payload = { iss: settings.iss, aud: "api", sub: "7", iat, exp, ...claims };
      const token = await signParts({
        header: { alg: "ES256", kid: key.kid, ...header },
        payload,
        key: by,
      });
      return await read(`${gateway.origin}/member`, { authorization: `Bearer ${token}` });
    },
    readiness: () => read(`${gateway.origin}/readyz`),
    targets: () => issuer.seen.map(({ target }) => target),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

/** What a response says, of a route or of `/readyz`. */
export interface Reply {
  readonly status: number;
  readonly code?: string;
  /** Seconds of `Retry-After`. */
  readonly retryAfter: number;
  /** The `status` in the body of `/readyz`. */
  readonly says?: string;
  readonly degraded?: readonly string[];
  readonly checks?: Readonly<Record<string, string>>;
}

/** Requests a document. */
export async function read(url: string, headers: HeadersInit = {}): Promise<Reply> {
  const response = await fetch(url, { headers });
  const { status, ...body } = await response.json();
  return {
    status: response.status,
    code: body.error?.code,
    retryAfter: Number(response.headers.get("retry-after") ?? Number.NaN),
    says: status,
    degraded: body.degraded,
    checks: body.checks,
  };
}

/** The response while an issuer cannot be asked. */
export const unavailable = { status: 503, code: "upstream_unavailable" };

/** Status and code alone. */
export const outcome = ({ status, code }: Reply) => ({ status, code });

/** A redirect to a place. */
export function redirect(location: string, status = 302): Response {
  return new Response(null, { status, headers: { location } });
}
