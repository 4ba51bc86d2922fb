import { encodeBase64Url, importSecret } from "@edgepass/shared/crypto";
import { createPassportVerifier, type Passport } from "@edgepass/shared/passport";
import type { Platform, Runtime, Served } from "./gateway_platforms.ts";
import { type ScriptedRedis, startScriptedRedis } from "./gateway_redis.ts";
import { createIssuerKey, type IssuerKey, signParts } from "./gateway_tokens.ts";
import {
  type RecordingUpstream,
  startUpstream,
  startWireUpstream,
  type WireUpstream,
} from "./gateway_upstreams.ts";
import { sendOnWire, type WireRequest, type WireResponse } from "./gateway_wire.ts";

export const publicOrigin = "http://127.0.0.1";
export const friend = "https://friend.test";

/** What a test changes in a request: everything but its target. */
export interface CallOptions extends Omit<WireRequest, "target"> {
  /** Sent as `Authorization: Bearer`. */
  readonly bearer?: string;
  /** Sent as the access cookie. */
  readonly cookie?: string;
}

/** The gateway, and everything that it talks to, played by the test. */
export interface Environment extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly origin: string;
  readonly logLines: readonly string[];
  readonly redis: ScriptedRedis;
  /** The service behind most routes. */
  readonly echo: RecordingUpstream;
  /** A server that writes the bytes a test chooses. */
  readonly wire: WireUpstream;
  readonly jwks: RecordingUpstream;
  readonly ours: IssuerKey;
  readonly idp: IssuerKey;
  readonly bindings: Readonly<Record<string, string>>;
  call(target: string, options?: CallOptions): Promise<WireResponse>;
  /** Calls, and reads the response as JSON. */
  json(target: string, options?: CallOptions): Promise<JsonResponse>;
  /** Our own access token, with changed claims. */
  token(claims?: object, header?: object): Promise<string>;
  /** The other issuer's access token. */
  externalToken(claims?: object, header?: object): Promise<string>;
  /** The verified Passport of a request that an upstream received. */
  passportOf(headers: Headers): Promise<Passport>;
  /** Another gateway in the same environment, with changed bindings. */
  serve(bindings: Readonly<Record<string, string>>): Promise<Served>;
  /** Resets the environment; the gateway's own caches stay. */
  reset(): void;
}

export interface JsonResponse extends WireResponse {
  readonly value: {
    readonly success?: boolean;
    readonly data?: unknown;
    readonly error?: { code: string; message: string; details?: unknown };
    readonly traceId?: string;
  };
  /** The problem code of a failure. */
  readonly code: string | undefined;
}

/** A case of the suite. */
export type GatewayCase = (environment: Environment) => Promise<void>;

/** Claims of an own token that the gateway accepts now. */
export function ourClaims(): Record<string, unknown> {
  const iat = Math.floor(Date.now() / 1000);
  return {
    iss: publicOrigin,
    aud: publicOrigin,
    sub: crypto.randomUUID(),
    iat,
    exp: iat + 600,
    jti: crypto.randomUUID(),
    sid: crypto.randomUUID(),
    uv: 3,
    roles: ["learner"],
    scope: "",
  };
}

const foreignIss = "https://idp.test/";

/** Starts the environment and a gateway on a runtime. */
export async function createEnvironment(
  runtime: Runtime,
  platform: Platform,
): Promise<Environment> {
  const redis = startScriptedRedis();
  const [echo, jwks, wire] = [startUpstream(), startUpstream(), startWireUpstream()];
  const [ours, idp] = await Promise.all([createIssuerKey("EdDSA"), createIssuerKey("ES256")]);
  const publish = () => jwks.respondWith(() => Response.json({ keys: [ours.jwk] }));
  publish();
  const passportKey = crypto.getRandomValues(new Uint8Array(32));
  const bindings = makeBindings({ redis, echo, jwks, wire, idp, passportKey });
  const served = await platform(bindings);
  const ring = importSecret({ kid: "p1", secret: passportKey }).then((key) =>
    new Map([[key.kid, key]])
  );
  const verify = createPassportVerifier({
    keys: () => ring,
    issuer: publicOrigin,
    audience: "suite.test",
  });

  async function call(target: string, options: CallOptions = {}): Promise<WireResponse> {
    const { bearer, cookie, headers = [], ...rest } = options;
    return await sendOnWire(served.origin, {
      target,
      headers: [
        ...(bearer === undefined ? [] : [["Authorization", `Bearer ${bearer}`]] as const),
        ...(cookie === undefined ? [] : [["Cookie", `access_token=${cookie}`]] as const),
        ...headers,
      ],
      ...rest,
    });
  }

  return {
    runtime,
    origin: served.origin,
    logLines: served.logLines,
    redis,
    echo,
    wire,
    jwks,
    ours,
    idp,
    bindings,
    call,
    async json(target, options) {
      const response = await call(target, options);
      const isJson = response.headers.get("content-type")?.includes("json") ?? false;
      const value = isJson ? JSON.parse(response.text) : {};
      return { ...response, value, code: value.error?.code ?? value.code };
    },
    token: (claims = {}, header = {}) =>
      signParts({
        header: { alg: "EdDSA", typ: "at+jwt", kid: ours.kid, ...header },
        payload: { ...ourClaims(), ...claims },
        key: ours,
      }),
    externalToken: (claims = {}, header = {}) => {
      const { iat, exp } = ourClaims();
      return signParts({
        header: { alg: "ES256", typ: "JWT", kid: idp.kid, ...header },
        payload: { iss: foreignIss, aud: "edgepass", sub: "idp|7", iat, exp, ...claims },
        key: idp,
      });
    },
    passportOf: (headers) => verify(headers.get("x-passport")),
    serve: (changes) => platform({ ...bindings, ...changes }),
    reset() {
      for (const part of [redis, echo, jwks]) part.reset();
      publish();
      wire.setReply(undefined);
    },
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await Promise.all([redis, echo, jwks, wire].map((part) => part[Symbol.asyncDispose]()));
    },
  };
}

interface Parts {
  readonly redis: ScriptedRedis;
  readonly echo: RecordingUpstream;
  readonly jwks: RecordingUpstream;
  readonly wire: WireUpstream;
  readonly idp: IssuerKey;
  readonly passportKey: Uint8Array;
}

function makeBindings({ redis, echo, jwks, wire, idp, passportKey }: Parts) {
  const at = (prefix: string, access: unknown, more: object = {}) => ({
    prefix,
    upstream: echo.url,
    access,
    ...more,
  });
  const routes = [
    at("/public", "public"),
    at("/public/deeper", "authenticated"),
    at("/optional", "optional"),
    at("/member", "authenticated", { maxBodyBytes: 1000 }),
    at("/admin", { roles: ["admin"] }, { maxBodyBytes: 1000 }),
    at("/teach", { roles: ["instructor", "admin"] }),
    at("/raw", "public", { envelope: false }),
    at("/raw-member", "authenticated", { envelope: false }),
    at("/bounded", "authenticated", { revocation: { boundedMs: 600_000 } }),
    at("/slow", "public", { timeoutMs: 150 }),
    at("/small", "public", { maxBodyBytes: 1000 }),
    at("/wire", "public", { upstream: wire.url }),
    at("/wire-raw", "public", { upstream: wire.url, envelope: false }),
    at("/down", "public", { upstream: closedOrigin() }),
    at("/events/user", "public", { envelope: false, maxBodyBytes: 262_144 }),
  ];
  return {
    PUBLIC_ORIGIN: publicOrigin,
    ALLOWED_ORIGINS: friend,
    TRUST_DOMAIN: "suite.test",
    PASSPORT_KEYS: JSON.stringify([
      { kid: "p1", secret: encodeBase64Url(passportKey), state: "signing" },
    ]),
    ISSUERS: JSON.stringify([{
      alias: "idp",
      iss: foreignIss,
      audience: "edgepass",
      jwks: { keys: [idp.jwk] },
      algorithms: ["ES256"],
      typ: ["JWT", ""],
      claims: { roles: ["realm_access", "roles"], sid: "session_id" },
    }]),
    ROUTES: JSON.stringify(routes),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    // A generous limit, so that a busy machine does not look like a slow Redis.
    REVOCATION_TIMEOUT_MS: "3000",
    JWKS_URL: `${jwks.url}/jwks.json`,
    ECHO_URL: echo.url,
  };
}

/** A port on loopback without a listener. */
export function closedOrigin(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `http://127.0.0.1:${port}`;
}
