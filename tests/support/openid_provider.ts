import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { encodeBase64Url } from "@edgepass/shared/crypto";
import Provider from "oidc-provider";

/** A certified OpenID provider on a local port, as an operator would run it. */
export interface OpenIdProvider extends AsyncDisposable {
  /** Its `iss`; everything else follows from its discovery document. */
  readonly issuer: string;
  /** Authorization code with PKCE: a person signs in at a client without a secret. */
  signIn(accountId: string, resource?: string): Promise<{ accessToken: string; idToken: string }>;
  /** Client credentials: a service gets a token of its own. */
  clientToken(resource?: string): Promise<string>;
  /** Signs with a new key; the old one stays published. */
  rotateKeys(): Promise<void>;
}

/** The API that the access tokens are for (RFC 8707). */
export const apiResource = "https://api.example.com";

const redirectUri = "https://app.example.com/callback";
const secret = crypto.randomUUID();

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts it. Each person signs in without a page, as the account that the client names. */
export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  const keys = [await createPrivateKey()];
  let handle: Handler = () => {};
  const server = createServer((request, response) => {
    // As of a provider that lets its readers notice a rotation soon.
    if (request.url === "/jwks") response.setHeader("cache-control", "max-age=1");
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new TypeError("No port");
  const issuer = `http://127.0.0.1:${address.port}`;
  handle = createHandler(issuer, keys);

  async function post(path: string, form: Record<string, string>): Promise<Tokens> {
    const response = await fetch(`${issuer}${path}`, {
      method: "POST",
      body: new URLSearchParams(form),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(body)}`);
    return body;
  }

  return {
    issuer,
    async signIn(accountId, resource = apiResource) {
      const verifier = encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
      const query = new URLSearchParams({
        client_id: "web",
        response_type: "code",
        redirect_uri: redirectUri,
        scope: "openid read",
        resource,
        login_hint: accountId,
        code_challenge: encodeBase64Url(new Uint8Array(digest)),
        code_challenge_method: "S256",
      });
      const code = await followToCode(`${issuer}/auth?${query}`);
      const tokens = await post("/token", {
        grant_type: "authorization_code",
        client_id: "web",
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        resource,
      });
      return { accessToken: tokens.access_token, idToken: tokens.id_token };
    },
    async clientToken(resource = apiResource) {
      const tokens = await post("/token", {
        grant_type: "client_credentials",
        client_id: "nightly",
        client_secret: secret,
        scope: "read",
        resource,
      });
      return tokens.access_token;
    },
    async rotateKeys() {
      keys.unshift(await createPrivateKey());
      handle = createHandler(issuer, keys);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
}

async function createPrivateKey(): Promise<JsonWebKey & { kid: string }> {
  const pair = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    },
    true,
    ["sign", "verify"],
  );
  const { kty, n, e, d, p, q, dp, dq, qi } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const kid = crypto.randomUUID();
  return { kty, n, e, d, p, q, dp, dq, qi, kid, alg: "RS256", use: "sig" } as JsonWebKey & {
    kid: string;
  };
}

/** A browser that follows redirects and keeps cookies, until the client gets its code. */
async function followToCode(start: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = start;
  for (let step = 0; step < 10; step++) {
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    });
    const text = await response.text();
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location === null) throw new Error(`${url}: ${response.status} ${text}`);
    const next = new URL(location, url);
    const code = next.searchParams.get("code");
    if (code !== null) return code;
    url = next.href;
  }
  throw new Error("The provider redirects without end");
}

function createHandler(issuer: string, keys: readonly JsonWebKey[]): Handler {
  const provider = new Provider(issuer, configure(keys));
  const serve: Handler = provider.callback();
  return (request, response) => {
    if (!request.url?.startsWith("/interaction/")) return serve(request, response);
    // The page where people would type a password: the account is the one that the client hinted.
    provider.interactionDetails(request, response)
      .then(({ params }: { params: { login_hint: string } }) =>
        provider.interactionFinished(request, response, {
          login: { accountId: params.login_hint },
        })
      );
  };
}

/** Roles are in both tokens, so that only the gateway's checks keep the ID token out. */
const roles = ["admin"];

interface Context {
  readonly oidc: {
    readonly client: { readonly clientId: string };
    readonly session: { readonly accountId: string };
    readonly provider: {
      readonly Grant: new (of: { clientId: string; accountId: string }) => {
        addOIDCScope(scope: string): void;
        addResourceScope(resource: string, scope: string): void;
        save(): Promise<string>;
      };
    };
    readonly params: { readonly resource?: string };
  };
}

function configure(keys: readonly JsonWebKey[]) {
  return {
    jwks: { keys },
    clients: [
      {
        client_id: "web",
        token_endpoint_auth_method: "none",
        redirect_uris: [redirectUri],
      },
      {
        client_id: "nightly",
        client_secret: secret,
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
      },
    ],
    claims: { openid: ["sub", "roles"] },
    conformIdTokenClaims: false,
    cookies: { keys: [crypto.randomUUID()] },
    ttl: { AccessToken: 300, ClientCredentials: 300, IdToken: 300, Grant: 300, Session: 300 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: "read",
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    findAccount: (_: unknown, accountId: string) => ({
      accountId,
      claims: () => Promise.resolve({ sub: accountId, roles }),
    }),
    extraTokenClaims: () => ({ roles }),
    // No page of consent: the provider's own clients are trusted.
    async loadExistingGrant({ oidc: { client, session, provider, params } }: Context) {
      const { clientId } = client;
      const grant = new provider.Grant({ clientId, accountId: session.accountId });
      grant.addOIDCScope("openid");
      if (params.resource !== undefined) grant.addResourceScope(params.resource, "read");
      await grant.save();
      return grant;
    },
  };
}
