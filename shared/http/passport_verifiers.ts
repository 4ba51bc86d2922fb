import type { ServiceValues } from "../configuration/mod.ts";
import { currentContext } from "../context/request_context.ts";
import { importJwkSet, type KeyRing } from "../crypto/mod.ts";
import type { Logger } from "../log.ts";
import {
  createPassportVerifier,
  createReload,
  createShadowVerifier,
  type LivePassports,
  type PassportRing,
  type PassportVerifier,
  type PassportVerifierOptions,
  type ShadowVerifier,
} from "../passport/mod.ts";
import { annotate, count } from "../context/measure.ts";
import type { ServiceConfiguration } from "./service_configuration.ts";

/** The verifier that decides about a request, and the one that only compares. */
export interface Verifiers {
  /** Decides about a request. */
  readonly verify: PassportVerifier;
  /** Compares the token of the other profile, and decides nothing. */
  readonly compare: ShadowVerifier;
}

/** Verification options of one trust domain. */
export type TrustDomain = Pick<
  Required<PassportVerifierOptions>,
  "issuer" | "audience" | "leewaySeconds" | "now"
>;

/** Creates the verifiers of a service, which use its live configuration. */
export type CreateVerifiers = (
  service: string,
  uses: { readonly configuration: ServiceConfiguration; readonly log: Logger },
) => Verifiers;

/** Creates the factory of verifiers; profile S uses the keys of the ring. */
export function createVerifiers(ring: PassportRing, trustDomain: TrustDomain): CreateVerifiers {
  const { keys } = ring;
  return function createVerifiersOf(service, { configuration, log }) {
    const live = configuration.select(toLive);
    const reloadRing = () =>
      ring.reload().catch(() => log.error("Passport keys could not be read again"));
    configuration.prepare(({ keys: { passport = {}, passportPublic = [] } }) => {
      const profileA = new Set(passportPublic.map(({ kid }) => kid));
      const named = Object.entries(passport).filter(([, state]) => state !== "revoked")
        .map(([kid]) => kid);
      return named.every((kid) => profileA.has(kid) || ring.has(kid)) ? undefined : reloadRing();
    });
    const reload = createReload(async () => {
      const [isCurrent] = await Promise.all([configuration.refresh(), reloadRing()]);
      return isCurrent;
    }, trustDomain);
    const trusted = { ...trustDomain, keys, live, reload };
    const named = (reason: string) => ({
      "edgepass.service": currentContext()?.service ?? service,
      "edgepass.reason": reason,
    });
    return {
      verify: createPassportVerifier({
        ...trusted,
        onRefusal(reason) {
          log.warn("Passport refused", { reason });
          annotate({ "edgepass.passport.verdict": reason });
          count("edgepass.passports.refused", named(reason));
        },
      }),
      compare: createShadowVerifier({
        ...trusted,
        isExpected: () => configuration.current().values.passport.send === "shadow",
        onMismatch(reason) {
          log.warn("Passports do not match", { reason });
          count("edgepass.passports.mismatched", named(reason));
        },
      }),
    };
  };
}

/** Public keys are imported once per version. Requests may share the promise: it does no I/O. */
function toLive(
  { keys: { passport = {}, passportPublic = [] }, passport: { accept = ["S"] } }: ServiceValues,
): LivePassports {
  let ring: Promise<KeyRing> | undefined;
  return {
    accept,
    publicKeys: () => ring ??= importJwkSet({ keys: passportPublic }, ["EdDSA"]),
    isRevoked: (kid) => Object.hasOwn(passport, kid) && passport[kid] === "revoked",
  };
}
