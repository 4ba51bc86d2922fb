import assert from "node:assert/strict";
import { decodeBase64Url, importSecret, readSecret, signJws } from "@edgepass/shared/crypto";
import {
  createPassportVerifier,
  maxLifeSeconds,
  maxPassportBytes,
  PassportClaims,
  passportType,
  policyVersion,
  warnPassportBytes,
} from "@edgepass/shared/passport";
import { isProblemCode, problemCodes } from "@edgepass/shared/problem";
import { readFences, readProjectFile } from "./support/markdown.ts";

const policy = await readProjectFile("docs/passport/policy-v0.1.0.md");

/** The rows of the tables below a heading, as lists of cells. */
function rowsBelow(heading: string): string[][] {
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

/** Key, header, claims and token of the policy's example. */
function readExample() {
  const [, example = ""] = policy.split("\n## 11. Example\n");
  const [secret, header, claims, token] = readFences(example).map(({ text }) => text);
  return {
    secret: secret!.trim(),
    header: JSON.parse(header!),
    claims: JSON.parse(claims!),
    token: token!.replace(/\s/g, ""),
  };
}

async function importExampleKey() {
  const { secret, header } = readExample();
  return await importSecret({ kid: header.kid, secret: decodeBase64Url(secret)! });
}

Deno.test("the policy's example is what its key signs", async () => {
  const { header, claims, token } = readExample();
  const key = await importExampleKey();
  assert.deepEqual(header, { alg: key.alg, typ: passportType, kid: key.kid });
  assert.equal(await signJws(claims, { typ: passportType, key }), token);
});

Deno.test("the policy's example holds while it lives and no longer", async () => {
  const { claims, token } = readExample();
  const key = await importExampleKey();
  const at = (seconds: number) =>
    createPassportVerifier({
      keys: new Map([[key.kid, key]]),
      issuer: claims.iss,
      audience: claims.aud,
      now: () => seconds * 1000,
    })(token);
  assert.deepEqual({ ...await at(claims.iat), userId: undefined }, {
    ...claims,
    userId: undefined,
  });
  await assert.rejects(at(claims.exp + 5), { code: "passport_invalid" });
});

Deno.test("the policy's example key is refused as a setting", () => {
  assert.deepEqual(readSecret(readExample().secret), { weak: "is a well-known secret" });
});

Deno.test("the policy's claims are those that verifiers read", () => {
  const rows = rowsBelow("### 2.2 Claims");
  const claims = rows.filter(([, presence]) => /^(required|optional|with )/.test(presence ?? ""));
  const shape = PassportClaims.shape;
  assert.deepEqual(claims.map(([name]) => unquote(name)), Object.keys(shape));
  for (const [name = "", presence] of claims) {
    const member = shape[unquote(name) as keyof typeof shape];
    const isOptional = member.safeParse(undefined).success;
    assert.equal(isOptional, presence !== "required", name);
  }
});

Deno.test("the policy's numbers are the source's", () => {
  for (
    const text of [
      `MUST NOT be longer than ${maxPassportBytes} bytes`,
      `at most ${maxPassportBytes} bytes, and three segments`,
      `warn above ${warnPassportBytes} bytes`,
      `\`exp\` - \`iat\` ≤ ${maxLifeSeconds}`,
      `version of the policy, \`${policyVersion}\``,
    ]
  ) {
    assert.ok(policy.replace(/\s+/g, " ").includes(text), text);
  }
});

Deno.test("the policy's errors have the status of the catalogue", () => {
  const rows = rowsBelow("## 7. Errors").filter(([code]) => isProblemCode(unquote(code)));
  assert.ok(rows.length > 5);
  for (const [code, status] of rows) {
    const known = unquote(code);
    assert.ok(isProblemCode(known));
    assert.equal(Number(status), problemCodes[known][0], known);
  }
});
