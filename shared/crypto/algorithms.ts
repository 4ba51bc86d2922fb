/** The parameters of one JWS algorithm (RFC 7518 §3, RFC 8037 §3.1). */
interface Algorithm {
  /** JWK key type (RFC 7518 §6.1). */
  readonly kty: "OKP" | "EC" | "RSA" | "oct";
  readonly crv?: string;
  readonly symmetric: boolean;
  /** Web Crypto's parameters for the import. */
  readonly import: { readonly name: string; readonly namedCurve?: string; readonly hash?: string };
  /** Length of a signature; undefined where it depends on the key. */
  readonly signatureBytes: number | undefined;
}

/** Every algorithm of this project, by its JWS name. */
export const algorithms = {
  EdDSA: {
    kty: "OKP",
    crv: "Ed25519",
    symmetric: false,
    import: { name: "Ed25519" },
    signatureBytes: 64,
  },
  ES256: {
    kty: "EC",
    crv: "P-256",
    symmetric: false,
    import: { name: "ECDSA", namedCurve: "P-256" },
    signatureBytes: 64,
  },
  RS256: {
    kty: "RSA",
    symmetric: false,
    import: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    signatureBytes: undefined,
  },
  HS256: {
    kty: "oct",
    symmetric: true,
    import: { name: "HMAC", hash: "SHA-256" },
    signatureBytes: 32,
  },
} as const satisfies Record<string, Algorithm>;

/** A JWS `alg` this project signs or verifies with. */
export type AlgorithmName = keyof typeof algorithms;

/** An algorithm whose verifiers have no secret; the only kind that an issuer may use. */
export type AsymmetricAlgorithmName = Exclude<AlgorithmName, "HS256">;
