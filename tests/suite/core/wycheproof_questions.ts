import {
  type AsymmetricAlgorithmName,
  decodeBase64Url,
  importJwkSet,
  importSecret,
  readJws,
  type VerificationKey,
  verifyJws,
} from "@edgepass/shared/crypto";
import ecdsaFile from "../../vectors/wycheproof_ecdsa_p256.json" with { type: "json" };
import ed25519File from "../../vectors/wycheproof_ed25519.json" with { type: "json" };
import hmacFile from "../../vectors/wycheproof_hmac_sha256.json" with { type: "json" };
import jwsFile from "../../vectors/wycheproof_jws.json" with { type: "json" };
import rsaFile from "../../vectors/wycheproof_rsa_2048.json" with { type: "json" };

/** The published metadata of a test. */
export interface Verdict {
  readonly tcId: number;
  readonly result: string;
  readonly flags: readonly string[];
}

/** A published test in a form that runs against our functions. */
export interface Question extends Verdict {
  /** Whether our functions accept the signature. */
  verify(): Promise<boolean>;
}

/** The key of a one-key JWK set; undefined where our JWK set rules refuse it. */
async function importJwk(
  jwk: { readonly kid: string },
  allowed: readonly AsymmetricAlgorithmName[],
): Promise<VerificationKey | undefined> {
  return (await importJwkSet({ keys: [jwk] }, allowed)).get(jwk.kid);
}

function importHmacKey(secret: Uint8Array<ArrayBuffer>): Promise<VerificationKey> {
  return importSecret({ kid: "vector", secret }, ["verify"]);
}

async function accepts(
  key: VerificationKey | undefined,
  { msg, sig }: { readonly msg: string; readonly sig: string },
): Promise<boolean> {
  const signingInput = Uint8Array.fromHex(msg);
  const jws = { header: {}, payload: signingInput, signature: Uint8Array.fromHex(sig) };
  return key !== undefined && await verifyJws({ ...jws, signingInput }, key);
}

interface SignatureGroup {
  readonly jwk: { readonly kid: string };
  readonly tests: readonly (Verdict & { readonly msg: string; readonly sig: string })[];
}

function readSignatures(
  groups: readonly SignatureGroup[],
  alg: AsymmetricAlgorithmName,
): Question[] {
  return groups.flatMap(({ jwk, tests }) =>
    tests.map((test) => ({
      ...test,
      verify: async () => accepts(await importJwk(jwk, [alg]), test),
    }))
  );
}

function readTags(): Question[] {
  return hmacFile.groups.flatMap(({ tests }) => tests).map(({ key, tag, ...test }) => ({
    ...test,
    verify: async () =>
      accepts(await importHmacKey(Uint8Array.fromHex(key)), { msg: test.msg, sig: tag }),
  }));
}

async function importAnyJwk(
  jwk: { readonly kid: string; readonly k?: string | undefined },
): Promise<VerificationKey | undefined> {
  if (jwk.k === undefined) return await importJwk(jwk, ["EdDSA", "ES256", "RS256"]);
  const secret = decodeBase64Url(jwk.k);
  return secret && await importHmacKey(secret);
}

function readTokens(): Question[] {
  return jwsFile.groups.flatMap(({ jwk, tests }) =>
    tests.map(({ jws: token, ...test }) => ({
      ...test,
      async verify() {
        const [key, jws] = [await importAnyJwk(jwk), readJws(token, 4096)];
        return key !== undefined && jws !== undefined && await verifyJws(jws, key);
      },
    }))
  );
}

/** Every test in `tests/vectors/`, by kind of signature. */
export const wycheproof = {
  ed25519: readSignatures(ed25519File.groups, "EdDSA"),
  ecdsa: readSignatures(ecdsaFile.groups, "ES256"),
  rsa: readSignatures(rsaFile.groups, "RS256"),
  hmac: readTags(),
  jws: readTokens(),
} as const satisfies Record<string, readonly Question[]>;
