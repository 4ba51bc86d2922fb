import assert from "node:assert/strict";
import type { Case } from "./case.ts";
import { type Question, type Verdict, wycheproof } from "./wycheproof_questions.ts";

/**
 * Tests where our result deliberately differs from the published one, or where both are allowed.
 */
interface Difference {
  readonly accepted: boolean;
  readonly reason: string;
  applies(verdict: Verdict): boolean;
}

const numbered = (...ids: readonly number[]) => ({ tcId }: Verdict) => ids.includes(tcId);
const flagged = (flag: string) => ({ flags }: Verdict) => flags.includes(flag);

/** They hold on every runtime: no runtime has its own results. */
const differences = {
  hmac: [{
    applies: numbered(82, 83, 84, 85, 86),
    accepted: false,
    reason: "HS256 refuses the first half of a genuine tag [RFC 7518 §3.2]",
  }],
  rsa: [{
    applies: flagged("MissingNull"),
    accepted: false,
    reason: "RS256 refuses a DigestInfo without its NULL [RFC 8017 §8.2.2]",
  }, {
    applies: flagged("SmallPublicKey"),
    accepted: false,
    reason: "RS256 refuses a key with an exponent other than 65537",
  }],
  jws: [{
    applies: numbered(350, 351),
    accepted: false,
    reason: "a JWS whose key is for an algorithm that is not ours is refused [RFC 8725 §3.1]",
  }, {
    applies: numbered(372, 373),
    accepted: false,
    reason: "a character outside base64url is refused where others skip it [RFC 4648 §3.3]",
  }, {
    applies: numbered(367, 370),
    accepted: true,
    reason: "a JWS published as badly padded, with the text of the valid test 357, is accepted",
  }],
} as const satisfies Record<string, readonly Difference[]>;

/** The published tests with another result than expected, each with that result. */
async function findWrong(tests: readonly Question[], expected: boolean): Promise<string[]> {
  const results = await Promise.all(tests.map(async ({ tcId, verify }) => {
    const result = await verify().catch((error: unknown) => `threw ${error}`);
    return result === expected ? [] : [`${tcId}: ${result}`];
  }));
  return results.flat();
}

function differenceCases(
  tests: readonly Question[],
  own: readonly Difference[],
): Case[] {
  return own.map(({ applies, accepted, reason }) => ({
    name: `${reason}, by Wycheproof`,
    async run() {
      const affected = tests.filter(applies);
      assert.notEqual(affected.length, 0);
      const usual = accepted ? "valid" : "invalid";
      assert.equal(affected.some(({ result }) => result === usual), false, "Nothing differs");
      assert.deepEqual(await findWrong(affected, accepted), []);
    },
  }));
}

/** A case for each verdict of a file, and one for each difference. */
function casesOf(
  names: { readonly valid: string; readonly invalid: string },
  tests: readonly Question[],
  own: readonly Difference[] = [],
): Case[] {
  const plain = tests.filter((one) => !own.some(({ applies }) => applies(one)));
  const byResult = Map.groupBy(plain, ({ result }) => result);
  const verdictCases = (["valid", "invalid"] as const).map((result) => ({
    name: names[result],
    async run() {
      // A third verdict, "acceptable", must be among the differences.
      assert.deepEqual([...byResult.keys()].sort(), ["invalid", "valid"]);
      assert.deepEqual(await findWrong(byResult.get(result) ?? [], result === "valid"), []);
    },
  }));
  return [...verdictCases, ...differenceCases(tests, own)];
}

/** The tests of Project Wycheproof in `tests/vectors/`. */
export const wycheproofCases: readonly Case[] = [
  ...casesOf({
    valid: "EdDSA accepts Wycheproof's valid signatures [RFC 8032 §5.1.7]",
    invalid: "EdDSA refuses Wycheproof's invalid signatures [RFC 8032 §5.1.7]",
  }, wycheproof.ed25519),
  ...casesOf({
    valid: "ES256 accepts Wycheproof's valid signatures [RFC 7518 §3.4]",
    invalid: "ES256 refuses Wycheproof's invalid signatures [RFC 7518 §3.4]",
  }, wycheproof.ecdsa),
  ...casesOf(
    {
      valid: "RS256 accepts Wycheproof's valid signatures [RFC 8017 §8.2.2]",
      invalid: "RS256 refuses Wycheproof's invalid signatures [RFC 8017 §8.2.2]",
    },
    wycheproof.rsa,
    differences.rsa,
  ),
  ...casesOf(
    {
      valid: "HS256 accepts Wycheproof's valid tags [RFC 7518 §3.2]",
      invalid: "HS256 refuses Wycheproof's invalid tags [RFC 7518 §3.2]",
    },
    wycheproof.hmac,
    differences.hmac,
  ),
  ...casesOf(
    {
      valid: "a JWS that Wycheproof calls valid is accepted [RFC 7515 §5.2]",
      invalid: "a JWS that Wycheproof calls invalid is refused [RFC 7515 §5.2]",
    },
    wycheproof.jws,
    differences.jws,
  ),
];
