import assert from "node:assert/strict";
import {
  decodeBase64Url,
  importJwkSet,
  importKeyPair,
  importSecret,
  readSecret,
  type SigningKey,
  signJws,
} from "@edgepass/shared/crypto";
import {
  createPassportVerifier,
  maxLifeSeconds,
  maxPassportBytes,
  PassportClaims,
  type Profile,
  profileNames,
  profiles,
  warnPassportBytes,
} from "@edgepass/shared/passport";
import { isProblemCode, problemCodes } from "@edgepass/shared/problem";
import { readFences, readProjectFile } from "./support/markdown.ts";

const nothing = new Map();
const policies = { S: await readPolicy("S"), A: await readPolicy("A") };

function readPolicy(profile: Profile): Promise<string> {
  return readProjectFile(`docs/passport/policy-v${profiles[profile].version}.md`);
}

/** The rows of the tables below a heading, as lists of cells. */
function rowsBelow(policy: string, heading: string): string[][] {
  const [, section = ""] = policy.split(`\n${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return Array.from(
    own.matchAll(/^\|(.*)\|$/gm),
    ([, row = ""]) => row.split("|").map((cell) => cell.trim()),
  );
}

function unquote(cell: string | undefined): string {
  return /^`([^`]*)`/.exec(cell ?? "")?.[1] ?? "";
}

/** Key, header, claims and token of a policy's example. */
function readExample(policy: string) {
  const [, example = ""] = policy.split(/\n## \d+\. Example\n/);
  const [key, header, claims, token] = readFences(example).map(({ text }) => text);
  return {
    key: key!.trim(),
    header: JSON.parse(header!),
    claims: JSON.parse(claims!),
    token: token!.replace(/\s/g, ""),
  };
}

/** The example's key, and the options for its verifier. */
async function importExampleKey(profile: Profile) {
  const { key, header: { kid } } = readExample(policies[profile]);
  if (profile === "S") {
    const secret: SigningKey = await importSecret({ kid, secret: decodeBase64Url(key)! });
    return { signing: secret, keys: new Map([[kid, secret]]), publicKeys: nothing };
  }
  const { d, ...publicHalf } = JSON.parse(key);
  const signing = await importKeyPair(kid, { d, ...publicHalf });
  const publicKeys = await importJwkSet({ keys: [{ kid, ...publicHalf }] }, ["EdDSA"]);
  return { signing: signing!, keys: nothing, publicKeys };
}

for (const profile of profileNames) {
  const policy = policies[profile];
  const { version, line, typ } = profiles[profile];
  const name = `policy v${version}`;

  Deno.test(`${name}: the example is signed by its key`, async () => {
    const { header, claims, token } = readExample(policy);
    const { signing: key } = await importExampleKey(profile);
    assert.deepEqual(header, { alg: key.alg, typ, kid: key.kid });
    assert.equal(await signJws(claims, { typ, key }), token);
  });

  Deno.test(`${name}: the example is accepted until it expires`, async () => {
    const { claims, token } = readExample(policy);
    const { keys, publicKeys } = await importExampleKey(profile);
    const at = (seconds: number) =>
      createPassportVerifier({
        keys,
        live: () => ({ accept: [profile], publicKeys, isRevoked: () => false }),
        issuer: claims.iss,
        audience: claims.aud,
        now: () => seconds * 1000,
      })(token, profile === "A" ? token : null);
    const { userId: _userId, ...read } = await at(claims.iat);
    assert.deepEqual(read, claims);
    await assert.rejects(at(claims.exp + 5), { code: "passport_invalid" });
  });

  Deno.test(`${name}: the example key is refused as a setting`, () => {
    const { key } = readExample(policy);
    const secret = profile === "S" ? key : JSON.parse(key).d;
    assert.deepEqual(readSecret(secret), { weak: "is a well-known secret" });
  });

  Deno.test(`${name}: its claims equal those that verifiers read`, () => {
    const rows = rowsBelow(policy, "### 2.2 Claims");
    const claims = rows.filter(([, presence]) => /^(required|optional|with )/.test(presence ?? ""));
    const shape = PassportClaims.shape;
    assert.deepEqual(claims.map(([name]) => unquote(name)), Object.keys(shape));
    for (const [cell = "", presence] of claims) {
      const claim = unquote(cell);
      const member = shape[claim as keyof typeof shape];
      const isOptional = member.safeParse(undefined).success;
      // One schema covers both profiles; this claim is required in addition.
      const isAskedFor = profile === "A" && claim === "req_wl";
      assert.equal(isOptional && !isAskedFor, presence !== "required", claim);
    }
  });

  Deno.test(`${name}: its numbers equal the source's`, () => {
    for (
      const text of [
        `MUST NOT be longer than ${maxPassportBytes} bytes`,
        `at most ${maxPassportBytes} bytes, and three segments`,
        `warn above ${warnPassportBytes} bytes`,
        `\`exp\` - \`iat\` ≤ ${maxLifeSeconds}`,
        `version of the policy, \`${version}\``,
        `\`typ\` is \`${typ}\``,
      ]
    ) {
      assert.ok(policy.replace(/\s+/g, " ").includes(text), text);
    }
    assert.match(policy, new RegExp(`minor line .*: ${line.replace(".", "\\.")} `));
  });

  Deno.test(`${name}: its errors have the catalogue's status`, () => {
    const rows = rowsBelow(policy, "## 7. Errors").filter(([code]) => isProblemCode(unquote(code)));
    assert.ok(rows.length > 5);
    for (const [code, status] of rows) {
      const listed = unquote(code);
      assert.ok(isProblemCode(listed));
      assert.equal(Number(status), problemCodes[listed][0], listed);
    }
  });
}
