import type { Logger } from "@edgepass/shared/telemetry";
import {
  type AccessTokenIssuer,
  externalTokenLifeSeconds,
  externalTypes,
  indexIssuers,
  isIssuerAlias,
  type Issuers,
  maxAccessTokenBytes,
  toMediaType,
} from "@edgepass/shared/tokens";
import type { KeySetSource } from "./discovery.ts";
import { createKeyCache, type KeyCache } from "./issuer_keys.ts";

/** An issuer whose access tokens the gateway accepts. */
export interface IssuerOptions
  extends
    Pick<AccessTokenIssuer, "alias" | "iss" | "tenants" | "clients" | "require" | "algorithms">,
    Partial<Pick<AccessTokenIssuer, "typ" | "claims" | "maxLifeSeconds" | "maxTokenBytes">> {
  /** `aud` of tokens that are meant for this gateway: one of these. */
  readonly audience?: string | readonly string[];
  /** The public keys themselves, or how to fetch them. */
  readonly jwks: KeySetSource["jwks"];
  /** Whether the gateway is not ready while this issuer's keys are away; false by default. */
  readonly required?: boolean;
}

/** An issuer with its keys. */
export type Issuer = AccessTokenIssuer & KeyCache & Pick<IssuerOptions, "required">;

/**
 * Makes the issuers searchable by `iss`.
 *
 * @throws {RangeError} for an alias or `iss` that occurs twice, or an alias that could be taken for
 * one of our own people
 */
export function createIssuers(
  options: readonly IssuerOptions[],
  effects: { now: () => number; log: Logger },
): Issuers<Issuer> {
  const aliases = new Set<string | undefined>();
  const rows = options.map((issuer): Issuer => {
    const { alias, audience, typ = externalTypes, ...rest } = issuer;
    if (alias !== undefined && !isIssuerAlias(alias)) {
      throw new RangeError("Cannot start: ISSUERS has an alias that is not usable");
    }
    if (aliases.has(alias)) throw new RangeError("Cannot start: ISSUERS has an alias twice");
    aliases.add(alias);
    return {
      typ: typ.map(toMediaType),
      claims: {},
      maxLifeSeconds: externalTokenLifeSeconds,
      maxTokenBytes: maxAccessTokenBytes,
      ...rest,
      ...(alias === undefined ? {} : { alias }),
      ...(audience === undefined
        ? {}
        : { audience: typeof audience === "string" ? [audience] : audience }),
      ...createKeyCache({ ...issuer, ...effects }),
    };
  });
  return indexIssuers(rows);
}
