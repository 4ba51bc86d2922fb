import assert from "node:assert/strict";
import {
  type AlgorithmName,
  algorithms,
  asymmetricAlgorithms,
  decodeBase64Url,
  importIssuerKeys,
  importJwkSet,
  importSecret,
  readJws,
  type VerificationKey,
  verifyJws,
} from "@edgepass/shared/crypto";
import vectors from "../../vectors/jws.json" with { type: "json" };
import type { Case } from "./case.ts";

async function importKey(vector: typeof vectors[number]): Promise<VerificationKey> {
  const jwk: Record<string, string | undefined> = { ...vector.jwk, kid: "vector" };
  if (jwk.k !== undefined) {
    const secret = decodeBase64Url(jwk.k);
    assert.ok(secret);
    return await importSecret({ kid: "vector", secret }, ["verify"]);
  }
  const key = (await importJwkSet({ keys: [jwk] }, ["EdDSA", "ES256", "RS256"])).get("vector");
  assert.ok(key);
  return key;
}

export const jwsVectorCases: readonly Case[] = vectors.flatMap(casesOf);

function casesOf(vector: typeof vectors[number]): Case[] {
  return [
    {
      name: `a JWS signed with ${vector.name} verifies [${vector.source}]`,
      async run() {
        const key = await importKey(vector);
        const jws = readJws(vector.token, 4096);
        assert.ok(jws);
        assert.equal(key.alg, vector.alg);
        assert.equal(new TextDecoder().decode(jws.payload), vector.payload);
        assert.equal(await verifyJws(jws, key), true);
      },
    },
    {
      name: `a JWS signed with ${vector.name} fails with one bit changed [${vector.source}]`,
      async run() {
        const key = await importKey(vector);
        const jws = readJws(vector.token, 4096);
        assert.ok(jws);
        for (const part of ["signature", "signingInput"] as const) {
          for (const at of [0, jws[part].length >> 1, jws[part].length - 1]) {
            const changed: Uint8Array<ArrayBuffer> = Uint8Array.from(jws[part]);
            changed[at]! ^= 1;
            assert.equal(await verifyJws({ ...jws, [part]: changed }, key), false, `${part} ${at}`);
          }
        }
      },
    },
    {
      name: `a JWS signed with ${vector.name} fails when its header names another algorithm`,
      async run() {
        const jws = readJws(vector.token, 4096);
        assert.ok(jws);
        const key = await importKey(vector);
        const others = Object.keys(algorithms).filter((alg) => alg !== key.alg) as AlgorithmName[];
        // Web Crypto binds an RSA key to its padding and hash, so that it is imported again.
        const jwk = { ...vector.jwk, kid: "vector", alg: undefined };
        const again = await importIssuerKeys({ keys: [jwk] }, asymmetricAlgorithms);
        for (const alg of others) {
          const other = again.entries.find((entry) => entry.alg === alg) ?? { ...key, alg };
          const result: boolean = await verifyJws(jws, other).catch(() => false);
          assert.equal(result, false, alg);
        }
      },
    },
  ];
}
