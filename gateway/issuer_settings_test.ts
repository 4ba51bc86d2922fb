import { listSettings, readConfig } from "@edgepass/shared/configuration";
import { asymmetricAlgorithms } from "@edgepass/shared/crypto";
import assert from "node:assert/strict";
import * as z from "zod/mini";
import { claimMembers, issuerMembers, IssuerSettings } from "./issuer_settings.ts";

const row = {
  alias: "acme",
  iss: "https://id.test",
  audience: "api",
  algorithms: ["RS256"],
};
const template = {
  ...row,
  iss: "https://id.test/{tid}/v2.0",
  tenants: "any",
  jwks: "https://k.test",
};
const jwk = {
  kid: "k",
  kty: "OKP",
  crv: "Ed25519",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
};

function read(...rows: object[]) {
  return readConfig(z.object({ ISSUERS: IssuerSettings }), { ISSUERS: rows }).ISSUERS;
}

const defaults = { maxLifeSeconds: 86_400, maxTokenBytes: 4_096, required: false };

/** Rows → what they are read as, beside the defaults. */
const accepted: Readonly<Record<string, readonly [object, object]>> = {
  "the least": [row, { ...row, audience: ["api"] }],
  "lists for texts": [
    { ...row, audience: ["a", "b"], typ: ["JWT", "application/AT+JWT", ""] },
    { ...row, audience: ["a", "b"], typ: ["jwt", "at+jwt", ""] },
  ],
  "both names of one algorithm": [
    { ...row, algorithms: ["Ed25519", "EdDSA", "PS512"] },
    { ...row, audience: ["api"], algorithms: ["EdDSA", "EdDSA", "PS512"] },
  ],
  "every algorithm": [
    { ...row, algorithms: asymmetricAlgorithms },
    { ...row, audience: ["api"], algorithms: asymmetricAlgorithms },
  ],
  "clients without an audience": [
    { ...row, audience: undefined, clients: { claim: ["a", "b"], allow: ["web"] } },
    { ...row, audience: undefined, clients: { claim: ["a", "b"], allow: ["web"] } },
  ],
  "keys of an https issuer at an internal host, as with version 0.1.0": [
    { ...row, jwks: "http://keycloak:8080/keys" },
    { ...row, audience: ["api"], jwks: "http://keycloak:8080/keys" },
  ],
  "plain HTTP for its keys like for its iss": [
    { ...row, iss: "http://id.test", discovery: "http://k.test/openid" },
    { ...row, audience: ["api"], iss: "http://id.test", discovery: "http://k.test/openid" },
  ],
  "requirements": [
    { ...row, require: { use: "access", level: [1, 2], verified: true } },
    { ...row, audience: ["api"], require: { use: ["access"], level: [1, 2], verified: [true] } },
  ],
  "a template": [
    { ...template, tenants: ["t-1"] },
    { ...template, audience: ["api"], tenants: ["t-1"] },
  ],
  "further claims as a list": [
    { ...row, claims: { extra: ["email", "plan"], sub: ["a", "b"] } },
    {
      ...row,
      audience: ["api"],
      claims: { extra: { email: "email", plan: "plan" }, sub: ["a", "b"] },
    },
  ],
  "limits": [
    { ...row, maxLifeSeconds: 60, maxTokenBytes: 12_288, required: true },
    { ...row, audience: ["api"], maxLifeSeconds: 60, maxTokenBytes: 12_288, required: true },
  ],
  "public keys with members that are null": [
    { ...row, jwks: { keys: [{ ...jwk, d: null, k: null }] } },
    { ...row, audience: ["api"], jwks: { keys: [{ ...jwk, d: null, k: null }] } },
  ],
};
for (const [what, [given, expected]] of Object.entries(accepted)) {
  Deno.test(`a row of ISSUERS may have ${what}`, () => {
    const [found] = read(given);
    assert.deepEqual({ ...found }, { ...defaults, ...expected });
  });
}

/** Rows → the whole message after the name of the setting. */
const refused: Readonly<Record<string, readonly [readonly object[], string]>> = {
  "no check whose the token is": [
    [{ ...row, audience: undefined }],
    "(0.audience): must be given, or clients: else tokens for others would be accepted",
  ],
  "an empty list of audiences": [[{ ...row, audience: [] }], "(0.audience): must not be empty"],
  "an empty list of clients": [
    [{ ...row, clients: { claim: "azp", allow: [] } }],
    "(0.clients.allow): must not be empty",
  ],
  "clients without a claim": [
    [{ ...row, clients: { allow: ["web"] } }],
    "(0.clients.claim): must be of type string or array",
  ],
  "a template without tenants": [
    [{ ...template, tenants: undefined }],
    '(0.tenants): must list the tenants of the template in iss, or be "any"',
  ],
  "tenants without a template": [
    [{ ...row, tenants: "any" }],
    "(0.tenants): must have a template in iss",
  ],
  "an empty list of tenants": [
    [{ ...template, tenants: [] }],
    "(0.tenants): must not be empty",
  ],
  "a tenant that would be two": [
    [{ ...template, tenants: ["t:1"] }],
    "(0.tenants.0): must be of letters, digits and - . _ ~ only",
  ],
  "a template with a tenant in another claim": [
    [{ ...template, claims: { tenant: "org" } }],
    "(0.claims): must not have tenant: the template in iss names it",
  ],
  "a template without a key set": [
    [{ ...template, jwks: undefined }],
    "(0.jwks): must be given, or discovery: iss is no URL of a document",
  ],
  "both ways to a key set": [
    [{ ...row, jwks: "https://k.test", discovery: "https://d.test" }],
    "(0.discovery): must not be given together with jwks",
  ],
  "an iss that is no URL, without a key set": [
    [{ ...row, iss: "id.test" }],
    "(0.jwks): must be given, or discovery: iss is no URL of a document",
  ],
  "two rows for one iss": [
    [row, { ...row, alias: "other" }],
    ": has an iss twice: acme and other",
  ],
  "a template that another row's iss fits": [
    [{ ...row, iss: "https://id.test/t-1/v2.0" }, { ...template, alias: "many" }],
    ": has an iss twice: acme and many",
  ],
  "two templates that one iss fits": [
    [template, { ...template, alias: "other", iss: "https://id.test/{org}/v2.0" }],
    ": has an iss twice: acme and other",
  ],
  "a token limit over 12 KiB": [
    [{ ...row, maxTokenBytes: 12_289 }],
    "(0.maxTokenBytes): must be a whole number from 256 to 12288",
  ],
  "a private key": [
    [{ ...row, jwks: { keys: [{ ...jwk, d: "AA" }] } }],
    "(0.jwks): must have public keys only",
  ],
  "a further claim with a name that is no name": [
    [{ ...row, claims: { extra: ["https://id.test/plan"] } }],
    "(0.claims.extra.0): must be a name of letters, digits and _",
  ],
};
for (const [what, [rows, message]] of Object.entries(refused)) {
  Deno.test(`ISSUERS with ${what} is refused by a line that names the place`, () => {
    const text = message.startsWith("(") ? ` ${message}` : message;
    assert.throws(() => read(...rows), { message: `Cannot start: ISSUERS${text}` });
  });
}

const templates = [
  "https://id.test/{a}{b}",
  "https://id.test/x{a}",
  "https://id.test/{a}x",
  "https://id.test/{a}/{b}",
  "https://{a}.id.test/",
  "https://{a}/",
  "{a}",
  "https://id.test/?t={a}",
  "https://id.test/{}",
  "https://id.test/{a",
  "https://id.test/#{a}",
];
for (const iss of templates) {
  Deno.test(`${iss} is no template, and no iss either`, () => {
    const message = "must have at most one {claim}, for one whole segment of its path";
    assert.throws(() => read({ ...template, iss }), {
      message: `Cannot start: ISSUERS (0.iss): ${message}`,
    });
  });
}

Deno.test("HS algorithms and none are refused for every row", () => {
  for (const name of ["HS256", "HS384", "HS512", "none", "ed25519", "RSA-OAEP"]) {
    assert.throws(() => read({ ...row, algorithms: [name] }), /ISSUERS \(0\.algorithms\.0\): must/);
  }
});

Deno.test("every member of a row is described for the reference", () => {
  for (const members of [issuerMembers, claimMembers]) {
    assert.deepEqual(listSettings(members).map(({ name }) => name), Object.keys(members));
  }
});
