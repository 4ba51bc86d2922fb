import { createAuthenticate } from "../gateway/authenticate.ts";
import { createIssuers } from "../gateway/issuers.ts";
import { toSecret } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import { Problem } from "@edgepass/shared/problem";
import { type Alg, algs, createIssuerKey, signParts } from "../tests/suite/gateway_tokens.ts";
import { time } from "./steps.ts";

const iss = "https://bench.test";
const maxTokenBytes = 12_288;

/**
 * CPU microseconds of one verification of another issuer's token, signature included, by algorithm;
 * `cached` is the same token again, as nearly every request has it. The largest token is one of
 * 12 KiB, and the refused one has a byte too many. RSA keys have 2,048 bits.
 */
export async function measureAlgorithms(): Promise<Record<string, number>> {
  const results: Record<string, number> = {};
  for (const alg of algs) results[alg] = await measureVerification(alg);
  const large = "x".repeat(8_800);
  return {
    ...results,
    "ES256, cached": await measureVerification("ES256", { maxCached: 10 }),
    "ES256, 12 KiB": await measureVerification("ES256", { pad: large }),
    "refused, over 12 KiB": await measureVerification("ES256", { pad: large + "x".repeat(600) }),
  };
}

async function measureVerification(
  alg: Alg,
  { pad = "", maxCached = 0 }: { pad?: string; maxCached?: number } = {},
): Promise<number> {
  const key = await createIssuerKey(alg);
  const effects = { now: Date.now, log: createLogger({ service: "bench", sink: () => {} }) };
  const issuers = createIssuers([{
    alias: "bench",
    iss,
    audience: "api",
    algorithms: [alg],
    jwks: { keys: [key.jwk] },
    maxTokenBytes,
  }], effects);
  const authenticate = createAuthenticate({
    issuers,
    leewaySeconds: 5,
    now: Date.now,
    maxCached,
  });
  const iat = Math.floor(Date.now() / 1000);
  const payload = { iss, aud: "api", sub: "7", iat, exp: iat + 3600, roles: ["learner"], pad };
  const token = await signParts({ header: { alg, typ: "at+jwt", kid: key.kid }, payload, key });
  const presented = { kind: "one", token: toSecret(token) } as const;
  if (token.length <= maxTokenBytes) return await time(() => authenticate(presented));
  return await time(() =>
    authenticate(presented).catch((error) => {
      if (!(error instanceof Problem) || error.reason !== "too_large") throw error;
    })
  );
}
