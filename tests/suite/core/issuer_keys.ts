import assert from "node:assert/strict";
import {
  type AsymmetricAlgorithmName,
  asymmetricAlgorithms,
  encodeBase64Url,
  importIssuerKeys,
} from "@edgepass/shared/crypto";
import { indexIssuers, verifyAccessToken } from "@edgepass/shared/tokens";
import { leewaySeconds, nowSeconds, theirClaims, theirs } from "./access_token_environment.ts";
import type { Case } from "./case.ts";
import { forge, makePair, type TestPair } from "./keys.ts";

/** What a row of these algorithms with these keys says of a token: `accepted`, or why not. */
export async function judgeByKeys(
  token: string,
  { keys, algorithms }: {
    keys: readonly object[];
    algorithms: readonly AsymmetricAlgorithmName[];
  },
): Promise<string> {
  const set = await importIssuerKeys({ keys: [...keys] }, algorithms);
  const issuers = indexIssuers([{
    alias: "idp",
    iss: theirs,
    audience: ["edgepass"],
    algorithms,
    typ: ["jwt"],
    claims: {},
    maxLifeSeconds: 3600,
    maxTokenBytes: 4096,
    findKey: (name) => Promise.resolve(set.find(name)),
  }]);
  const verdict = await verifyAccessToken(token, { issuers, nowSeconds, leewaySeconds });
  return "refusal" in verdict ? verdict.refusal.reason : "accepted";
}

/** A token that a pair signs; the header is the pair's, with changes. */
export function signedBy(pair: TestPair, header: object = {}): Promise<string> {
  const { kid, alg } = pair.signing;
  return forge({ alg, typ: "JWT", kid, ...header }, theirClaims, pair.signing);
}

/** A key as a set publishes it, with changes; undefined removes a member. */
export function published({ publicJwk }: TestPair, change: object = {}): object {
  return { ...publicJwk, ...change };
}

const withoutAlg = { alg: undefined, use: undefined };

function eachAlgorithm(alg: AsymmetricAlgorithmName): Case {
  return {
    name: `an issuer's token of ${alg} is accepted, and refused with any other algorithm`,
    async run() {
      const pair = await makePair("k", alg);
      const row = { keys: [published(pair)], algorithms: [alg] };
      assert.equal(await judgeByKeys(await signedBy(pair), row), "accepted");
      for (const other of [...asymmetricAlgorithms, "HS256", "none"]) {
        if (other === alg) continue;
        const token = await signedBy(pair, { alg: other });
        assert.equal(await judgeByKeys(token, row), "alg_not_allowed", other);
        const every = { ...row, algorithms: asymmetricAlgorithms };
        const reason = await judgeByKeys(token, every);
        assert.ok(["alg_not_allowed", "kid_unknown"].includes(reason), `${other}: ${reason}`);
      }
      const token = await signedBy(pair);
      const impostor = await signedBy(await makePair("k", alg));
      assert.equal(await judgeByKeys(impostor, row), "signature");
      assert.equal(await judgeByKeys(token, { ...row, algorithms: [] }), "alg_not_allowed");
    },
  };
}

const selection: readonly Case[] = [
  {
    name: "one kid may name keys of different algorithms, and each verifies its own tokens only",
    async run() {
      const pairs = await Promise.all(
        (["EdDSA", "ES256", "ES384", "RS256"] as const).map((alg) => makePair("k", alg)),
      );
      const row = {
        keys: pairs.map((pair) => published(pair)),
        algorithms: asymmetricAlgorithms,
      };
      for (const pair of pairs) {
        assert.equal(await judgeByKeys(await signedBy(pair), row), "accepted");
        for (const { signing: { alg } } of pairs) {
          if (alg === pair.signing.alg) continue;
          assert.equal(await judgeByKeys(await signedBy(pair, { alg }), row), "signature");
        }
      }
    },
  },
  {
    name: "two different keys of one kid and algorithm verify nothing",
    async run() {
      const pairs = await Promise.all([makePair("k"), makePair("k"), makePair("other")]);
      const row = { keys: pairs.map((pair) => published(pair)), algorithms: ["EdDSA"] as const };
      const reasons = await Promise.all(
        pairs.map(async (pair) => await judgeByKeys(await signedBy(pair), row)),
      );
      assert.deepEqual(reasons, ["kid_unknown", "kid_unknown", "accepted"]);
    },
  },
  {
    name: "a token without kid is verified by the one key of its algorithm",
    async run() {
      const [pair, second, other] = await Promise.all([
        makePair("a", "ES256"),
        makePair("b", "ES256"),
        makePair("c", "EdDSA"),
      ]);
      const token = await signedBy(pair, { kid: undefined });
      const algorithms = asymmetricAlgorithms;
      const judge = (...keys: object[]) => judgeByKeys(token, { keys, algorithms });
      assert.equal(await judge(published(pair), published(other)), "accepted");
      assert.equal(await judge(published(pair), published(pair, { kid: undefined })), "accepted");
      assert.equal(await judge(published(pair), published(second)), "kid_unknown");
      assert.equal(await judge(published(other)), "kid_unknown");
      assert.equal(await judge(published(second)), "signature");
      const named = await signedBy(pair, { kid: "a" });
      const nameless = { keys: [published(pair, { kid: undefined })], algorithms };
      assert.equal(await judgeByKeys(named, nameless), "kid_unknown");
      assert.equal(await judgeByKeys(await signedBy(pair, { kid: null }), nameless), "header_kid");
    },
  },
  {
    name: "a key without kid is named by its RFC 7638 thumbprint",
    async run() {
      // RFC 7638 §3.1, and RFC 8037 §A.3.
      const rsa = {
        kty: "RSA",
        n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        e: "AQAB",
      };
      const okp = {
        kty: "OKP",
        crv: "Ed25519",
        x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
      };
      const { entries } = await importIssuerKeys({ keys: [rsa, okp] }, ["RS256", "EdDSA"]);
      assert.deepEqual(entries.map(({ kid }) => kid), [
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
      ]);
    },
  },
  {
    name: "a key without alg verifies each algorithm of its type that the row allows",
    async run() {
      const pair = await makePair("k", "PS384");
      const keys = [published(pair, withoutAlg)];
      const token = await signedBy(pair);
      const algorithms = ["RS256", "PS384"] as const;
      assert.equal(await judgeByKeys(token, { keys, algorithms }), "accepted");
      const confused = await signedBy(pair, { alg: "RS256" });
      assert.equal(await judgeByKeys(confused, { keys, algorithms }), "signature");
      assert.equal(await judgeByKeys(token, { keys, algorithms: ["RS256"] }), "alg_not_allowed");
    },
  },
  {
    name: "Ed25519 and EdDSA are one algorithm, in the header and in the set [RFC 9864]",
    async run() {
      const pair = await makePair("k");
      for (const alg of ["EdDSA", "Ed25519"]) {
        const row = { keys: [published(pair, { alg })], algorithms: ["EdDSA"] as const };
        for (const named of ["EdDSA", "Ed25519"]) {
          assert.equal(await judgeByKeys(await signedBy(pair, { alg: named }), row), "accepted");
        }
        const curve = await signedBy(pair, { alg: "Ed448" });
        assert.equal(await judgeByKeys(curve, row), "alg_not_allowed");
      }
    },
  },
  {
    name: "a shared secret verifies nothing, whatever the set publishes",
    async run() {
      const pair = await makePair("k");
      const secret = { kty: "oct", k: encodeBase64Url(new Uint8Array(32)), kid: "k", alg: "HS256" };
      const row = { keys: [secret], algorithms: asymmetricAlgorithms };
      const token = await signedBy(pair, { alg: "HS256" });
      assert.equal(await judgeByKeys(token, row), "alg_not_allowed");
      assert.equal(await judgeByKeys(await signedBy(pair), row), "kid_unknown");
    },
  },
];

/** How a token's header selects one of its issuer's keys, and nothing else. */
export const issuerKeyCases: readonly Case[] = [
  ...asymmetricAlgorithms.map(eachAlgorithm),
  ...selection,
];
