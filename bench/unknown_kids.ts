import { encodeBase64Url } from "@edgepass/shared/crypto";
import { load, percentile } from "./load.ts";
import { start } from "./processes.ts";
import type { Scenario } from "./scenario.ts";

const seconds = 65;
const connections = 16;
/** Of ten requests one has a good token. */
const goodOf = 10;
const batch = 5_000;

/**
 * A flood of tokens with invented `kid`s, and good tokens of the same issuer among them: how often
 * the issuer is asked for its keys, and what becomes of the good ones.
 */
export async function measureUnknownKids(
  { scenario, upstream }: { scenario: Scenario; upstream: string },
): Promise<Record<string, unknown>> {
  const fetchedAt: number[] = [];
  const issuer = await startIssuer(() => fetchedAt.push(performance.now()));
  await using gateway = await start("gateway", {
    ...scenario.settings,
    UPSTREAM: upstream,
    ISSUERS: JSON.stringify([{
      alias: "corp",
      iss: issuer.url,
      audience: "api",
      jwks: `${issuer.url}/keys`,
      algorithms: ["ES256"],
    }]),
  });
  const good = toRequest(await issuer.sign("known"));
  const send = (requests: number, request: (n: number) => Uint8Array) =>
    load({ port: gateway.port, connections, requests, request });
  await send(1, () => good);
  const begun = performance.now();
  const flood: Record<string, number> = {};
  const known: Record<string, number> = {};
  const latencies: number[] = [];
  while (performance.now() - begun < seconds * 1000) {
    const bad = await Promise.all(
      Array.from({ length: 200 }, async () => toRequest(await issuer.sign(crypto.randomUUID()))),
    );
    const [unknown, tokens] = await Promise.all([
      send(batch, (n) => bad[n % bad.length]!),
      send(batch / goodOf, () => good),
    ]);
    add(flood, unknown.statuses);
    add(known, tokens.statuses);
    latencies.push(...tokens.latencies);
  }
  await issuer.close();
  const gaps = fetchedAt.slice(1).map((at, before) => at - (fetchedAt[before] ?? 0));
  return {
    seconds,
    fetchesOfTheKeySet: fetchedAt.length,
    shortestGapSeconds: round(Math.min(...gaps) / 1000),
    unknownKids: flood,
    goodTokens: known,
    goodTokensP99Ms: round(percentile(new Float64Array(latencies).sort(), 0.99)),
  };
}

async function startIssuer(onFetch: () => void) {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const set = { keys: [{ ...jwk, kid: "known", alg: "ES256", use: "sig" }] };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    onFetch();
    return Response.json(set);
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const encoder = new TextEncoder();
  const encode = (part: object) => encodeBase64Url(encoder.encode(JSON.stringify(part)));
  return {
    url,
    close: () => server.shutdown(),
    async sign(kid: string): Promise<string> {
      const iat = Math.floor(Date.now() / 1000);
      const claims = { iss: url, aud: "api", sub: "7", iat, exp: iat + 600 };
      const input = `${encode({ alg: "ES256", kid })}.${encode(claims)}`;
      const algorithm = { name: "ECDSA", hash: "SHA-256" };
      const bytes = await crypto.subtle.sign(algorithm, pair.privateKey, encoder.encode(input));
      return `${input}.${encodeBase64Url(new Uint8Array(bytes))}`;
    },
  };
}

function toRequest(token: string): Uint8Array {
  return new TextEncoder().encode(
    `GET /me HTTP/1.1\r\nhost: 127.0.0.1:8787\r\nauthorization: Bearer ${token}\r\n\r\n`,
  );
}

function add(sum: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [status, count] of Object.entries(more)) sum[status] = (sum[status] ?? 0) + count;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
