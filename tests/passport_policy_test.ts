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
  FirstPassportClaims,
  maxExtBytes,
  maxLifeSeconds,
  maxPassportBytes,
  PassportClaims,
  patchOf,
  type PolicyVersion,
  policyVersions,
  type Profile,
  profileNames,
  profiles,
  warnPassportBytes,
} from "@edgepass/shared/passport";
import { isProblemCode, problemCodes } from "@edgepass/shared/problem";
import { readFences, readProjectFile } from "./support/markdown.ts";

const nothing = new Map();
const versions = await Promise.all(policyVersions.map(async (version) => ({
  version,
  profile: profileOf(version),
  policy: await readProjectFile(`docs/passport/policy-v${version}.md`),
})));

function profileOf(version: PolicyVersion): Profile {
  return profiles.S.versions.some((one) => one === version) ? "S" : "A";
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
  const [key, header, claims, token, refusals = "[]"] = readFences(example).map((one) => one.text);
  return {
    key: key!.trim(),
    header: JSON.parse(header!),
    claims: JSON.parse(claims!),
    token: token!.replace(/\s/g, ""),
    refusals: JSON.parse(refusals) as object[],
  };
}

/** The example's key, and the options for its verifier. */
async function importExampleKey(profile: Profile, policy: string) {
  const { key, header: { kid } } = readExample(policy);
  if (profile === "S") {
    const secret: SigningKey = await importSecret({ kid, secret: decodeBase64Url(key)! });
    return { signing: secret, keys: new Map([[kid, secret]]), publicKeys: nothing };
  }
  const { d, ...publicHalf } = JSON.parse(key);
  const signing = await importKeyPair(kid, { d, ...publicHalf });
  const publicKeys = await importJwkSet({ keys: [{ kid, ...publicHalf }] }, ["EdDSA"]);
  return { signing: signing!, keys: nothing, publicKeys };
}

Deno.test("each profile has the versions of its line", () => {
  assert.deepEqual(profileNames.flatMap((one) => [...profiles[one].versions]), [...policyVersions]);
  for (const { version, profile } of versions) {
    assert.equal(version, `${profiles[profile].line}.${patchOf(version)}`);
    assert.equal(profiles[profile].versions[patchOf(version)], version);
  }
});

for (const { version, profile, policy } of versions) {
  const { line, typ } = profiles[profile];
  const verifyAt = async (seconds: number) => {
    const { claims } = readExample(policy);
    const { keys, publicKeys } = await importExampleKey(profile, policy);
    const verify = createPassportVerifier({
      keys,
      live: () => ({ accept: [profile], publicKeys, isRevoked: () => false }),
      issuer: claims.iss,
      audience: claims.aud,
      now: () => seconds * 1000,
    });
    return (token: string) => verify(token, profile === "A" ? token : null);
  };
  const name = `policy v${version}`;

  Deno.test(`${name}: the example is signed by its key`, async () => {
    const { header, claims, token } = readExample(policy);
    const { signing: key } = await importExampleKey(profile, policy);
    assert.deepEqual(header, { alg: key.alg, typ, kid: key.kid });
    assert.equal(await signJws(claims, { typ, key }), token);
  });

  Deno.test(`${name}: the example is accepted until it expires`, async () => {
    const { claims, token } = readExample(policy);
    const { userId: _userId, ...read } = await (await verifyAt(claims.iat))(token);
    assert.deepEqual(read, claims);
    await assert.rejects((await verifyAt(claims.exp + 5))(token), { code: "passport_invalid" });
  });

  Deno.test(`${name}: each listed change of the example is refused`, async () => {
    const { claims, refusals } = readExample(policy);
    const { signing: key } = await importExampleKey(profile, policy);
    const verify = await verifyAt(claims.iat);
    assert.equal(refusals.length > 10, patchOf(version) === 1);
    for (const change of refusals) {
      const token = await signJws({ ...claims, ...change }, { typ, key });
      await assert.rejects(verify(token), { code: "passport_invalid" }, JSON.stringify(change));
    }
  });

  Deno.test(`${name}: the example key is refused as a setting`, () => {
    const { key } = readExample(policy);
    const secret = profile === "S" ? key : JSON.parse(key).d;
    assert.deepEqual(readSecret(secret), { weak: "is a well-known secret" });
  });

  Deno.test(`${name}: its claims equal those that verifiers read`, () => {
    const rows = rowsBelow(policy, "### 2.2 Claims");
    const claims = rows.filter(([, presence]) => /^(required|optional|with )/.test(presence ?? ""));
    const { shape } = patchOf(version) === 0 ? FirstPassportClaims : PassportClaims;
    assert.deepEqual(claims.map(([name]) => unquote(name)), Object.keys(shape));
    for (const [cell = "", presence] of claims) {
      const claim = unquote(cell);
      const isOptional = new Map(Object.entries(shape)).get(claim)?.safeParse(undefined).success;
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
        ...(patchOf(version) === 0 ? [] : [`object of at most ${maxExtBytes} bytes`]),
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
