import assert from "node:assert/strict";
import { verifyAccessToken } from "@edgepass/shared/tokens";
import {
  type Change,
  judge,
  leewaySeconds,
  makeIssuers,
  makeKeys,
  makeToken,
  nowSeconds,
} from "./access_token_environment.ts";
import type { Case } from "./case.ts";
import { claimShapes, type Shape } from "./provider_claims.ts";

/** A claim that makes a token about as long. */
const pad = (bytes: number) => ({ padding: "x".repeat(Math.floor(bytes * 3 / 4) - 260) });
const large = { maxTokenBytes: 12_288 } as const;
const cognito = { clients: { claim: "client_id", allow: ["web", "cli"] } } as const;
const entra = { iss: "https://login.test/{tid}/v2.0", tenants: ["t-1", "t-2"] } as const;
const ofTenant = (tid: unknown, inIss = tid) => ({ iss: `https://login.test/${inIss}/v2.0`, tid });

const shapes: Readonly<Record<string, Shape>> = {
  "header members that are not understood": {
    header: { x5t: "AA", "x5t#S256": "AA", x5c: ["AA"], cty: "JWT", nonce: "n" },
    expected: { sub: "auth0|42" },
    refused: {
      "and a signature of another key": [{ signer: "impostor" }, "signature"],
      "and jku": [{ header: { jku: "https://evil.test" } }, "header_jku"],
      "and jwk": [{ header: { jwk: {} } }, "header_jwk"],
      "and x5u": [{ header: { x5u: "https://evil.test" } }, "header_x5u"],
      "and crit": [{ header: { crit: ["exp"] } }, "header_crit"],
      "and b64": [{ header: { b64: true } }, "header_b64"],
      "and zip": [{ header: { zip: "DEF" } }, "header_zip"],
      "and enc": [{ header: { enc: "A256GCM" } }, "header_enc"],
      "and a member named __proto__ that has a key": [
        { header: JSON.stringify({ alg: "ES256", kid: "external" }).replace("{", '{"jwk":null,') },
        "header_jwk",
      ],
    },
  },
  "a typ that is a media type in another case": {
    header: { typ: "application/AT+JWT" },
    expected: { kid: "external" },
    refused: {
      "of an ID token": [{ header: { typ: "ID+JWT" } }, "typ"],
      "of another tree": [{ header: { typ: "text/at+jwt" } }, "typ"],
      "that is a number": [{ header: { typ: 1 } }, "typ"],
      "that is null": [{ header: { typ: null } }, "typ"],
    },
  },
  "times with fractions": {
    claims: { iat: nowSeconds - 9.75, exp: nowSeconds + 600.5, nbf: 0.1 },
    expected: { iat: nowSeconds - 10, exp: nowSeconds + 600 },
    refused: {
      "in text": [{ claims: { exp: `${nowSeconds + 600.5}` } }, "claim_invalid:exp"],
      "once they are over": [
        { claims: { iat: 1.5, exp: nowSeconds - leewaySeconds + 0.9 } },
        "life_too_long",
      ],
      "once the whole second is over": [
        { claims: { exp: nowSeconds - leewaySeconds + 0.9, iat: nowSeconds - 60.5 } },
        "expired",
      ],
      "that begin too late": [
        { claims: { nbf: nowSeconds + leewaySeconds + 1.2 } },
        "not_yet_valid",
      ],
      "before 1970": [{ claims: { iat: -0.5 } }, "claim_invalid:iat"],
    },
  },
  "null where a claim is absent": {
    claims: { jti: null, sid: null, nbf: null, iat: null, roles: null, scope: null },
    expected: { jti: undefined, sid: undefined, iat: undefined, roles: [], scope: "" },
    refused: {
      "and no expiry": [{ claims: { exp: null } }, "claim_missing:exp"],
      "and no audience": [{ claims: { aud: null } }, "claim_missing:aud"],
      "and no subject": [{ claims: { sub: null } }, "claim_missing:sub"],
      "and no issuer": [{ claims: { iss: null } }, "claim_missing:iss"],
    },
  },
  "no iat and no jti": {
    claims: { iat: undefined, jti: undefined, exp: nowSeconds + 3600 },
    expected: { iat: undefined, jti: undefined, exp: nowSeconds + 3600 },
    refused: {
      "and a life over the row's from now on": [
        { claims: { exp: nowSeconds + 3601 } },
        "life_too_long",
      ],
      "and an expiry that is over": [{ claims: { exp: nowSeconds - leewaySeconds } }, "expired"],
      "but a jti that is a number": [{ claims: { jti: 7 } }, "claim_invalid:jti"],
    },
  },
  "as many bytes as its row allows": {
    row: large,
    claims: pad(11_900),
    expected: { sub: "auth0|42" },
    refused: {
      "and the 13th kilobyte": [{ claims: pad(13_000) }, "too_large"],
      "where the row allows fewer": [{ external: {} }, "too_large"],
      "and a signature of another key": [{ signer: "impostor" }, "signature"],
    },
  },
  "one of several audiences": {
    row: { audience: ["edgepass", "mobile"] },
    claims: { aud: ["https://other.test", "mobile"] },
    expected: { sub: "auth0|42" },
    refused: {
      "without ours": [{ claims: { aud: ["https://other.test"] } }, "audience"],
      "of which one contains ours": [{ claims: { aud: "mobile.evil" } }, "audience"],
      "beside a number": [{ claims: { aud: ["mobile", 1] } }, "audience"],
    },
  },
  "no audience but an accepted client": {
    row: cognito,
    claims: { aud: undefined, client_id: "web" },
    expected: { kind: "user", sub: "auth0|42" },
    refused: {
      "of another client": [{ claims: { client_id: "other" } }, "claim_invalid:client_id"],
      "of a client in a list": [{ claims: { client_id: ["web"] } }, "claim_invalid:client_id"],
      "of no client": [{ claims: { client_id: undefined } }, "claim_missing:client_id"],
      "but an audience, as an ID token has": [{ claims: { aud: "web" } }, "audience"],
      "but an empty list of audiences": [{ claims: { aud: [] } }, "audience"],
    },
  },
  "an accepted client and an audience": {
    row: { ...cognito, audience: ["api"] },
    claims: { aud: "api", client_id: "cli" },
    expected: { sub: "auth0|42" },
    refused: {
      "of another client": [{ claims: { client_id: "other" } }, "claim_invalid:client_id"],
      "of another API": [{ claims: { aud: "other" } }, "audience"],
      "that is missing": [{ claims: { aud: undefined } }, "claim_missing:aud"],
    },
  },
  "claims that its row requires": {
    row: { require: { token_use: ["access"], level: [1, 2], verified: [true] } },
    claims: { token_use: "access", level: 2, verified: true },
    expected: { sub: "auth0|42" },
    refused: {
      "of an ID token": [{ claims: { token_use: "id" } }, "claim_invalid:token_use"],
      "but one": [{ claims: { level: undefined } }, "claim_missing:level"],
      "of which one is text": [{ claims: { verified: "true" } }, "claim_invalid:verified"],
      "of which one is another number": [{ claims: { level: 3 } }, "claim_invalid:level"],
    },
  },
  "the iss of a tenant": {
    row: entra,
    claims: { ...ofTenant("t-1"), sub: "a|b:c%d" },
    expected: {
      iss: "https://login.test/t-1/v2.0",
      tenant: "t-1",
      hasTenantInNames: true,
      sub: "a%7Cb%3Ac%25d",
    },
    refused: {
      "and the claim of another one": [{ claims: ofTenant("t-2", "t-1") }, "claim_invalid:tid"],
      "that is not on the list": [{ claims: ofTenant("t-3") }, "claim_invalid:tid"],
      "without the claim": [{ claims: { tid: undefined } }, "claim_missing:tid"],
      "of two segments": [{ claims: ofTenant("t-1", "t-1/t-1") }, "unknown_issuer"],
      "of no segment": [{ claims: ofTenant("", "") }, "unknown_issuer"],
      "in an escape": [{ claims: ofTenant("t-1", "t%2D1") }, "unknown_issuer"],
      "at another host": [
        { claims: { iss: "https://login.test.evil/t-1/v2.0" } },
        "unknown_issuer",
      ],
      "with a query": [{ claims: ofTenant("t-1?", "t-1?") }, "unknown_issuer"],
      "with a slash at its end": [
        { claims: { iss: "https://login.test/t-1/v2.0/" } },
        "unknown_issuer",
      ],
      "that is the template itself": [{ claims: ofTenant("{tid}") }, "unknown_issuer"],
      "and a signature of another key": [{ signer: "impostor" }, "signature"],
    },
  },
  "the iss of any tenant": {
    row: { ...entra, tenants: "any" },
    claims: ofTenant("t-9"),
    expected: { tenant: "t-9" },
    refused: { "and another claim": [{ claims: ofTenant("t-1", "t-9") }, "claim_invalid:tid"] },
  },
  ...claimShapes,
};

function changeOf({ row = {}, header, claims }: Shape, change: Change = {}): Change {
  return {
    external: row,
    ...change,
    header: typeof change.header === "string" ? change.header : { ...header, ...change.header },
    claims: { ...claims, ...change.claims },
  };
}

const ownLimit: Case = {
  name: "our own token of over 4 KiB is refused as too_large beside a row that allows 12 KiB [T09]",
  async run() {
    const keys = await makeKeys();
    const issuers = makeIssuers(keys, large);
    const reasonFor = async (bytes: number) => {
      const token = await makeToken(keys, { claims: pad(bytes) });
      const verdict = await verifyAccessToken(token, { issuers, nowSeconds, leewaySeconds });
      return "refusal" in verdict ? verdict.refusal.reason : token.length <= 4_096;
    };
    assert.deepEqual([await reasonFor(3_500), await reasonFor(4_500)], [true, "too_large"]);
  },
};

/** Every shape that is accepted from another issuer, and what is refused beside it. */
export const providerTokenCases: readonly Case[] = [
  ownLimit,
  ...Object.entries(shapes).flatMap(([what, shape]) => [
    {
      name: `another issuer's token is accepted: ${what}`,
      async run() {
        const verdict = await judge(changeOf(shape));
        if ("refusal" in verdict) assert.fail(verdict.refusal.reason);
        const read = Object.keys(shape.expected)
          .map((name) => [name, Reflect.get(verdict.token, name)]);
        assert.deepEqual(Object.fromEntries(read), shape.expected);
      },
    },
    ...Object.entries(shape.refused).map(([how, [change, reason]]) => ({
      name: `another issuer's token is refused: ${what}, ${how}`,
      async run() {
        const verdict = await judge(changeOf(shape, change));
        if ("token" in verdict) assert.fail("accepted");
        assert.equal(verdict.refusal.reason, reason);
        const isOver = reason === "expired";
        assert.equal(verdict.refusal.code, isOver ? "token_expired" : "token_invalid");
      },
    })),
  ]),
];
