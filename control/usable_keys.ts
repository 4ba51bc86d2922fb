import type { ConfigurationDocument } from "@edgepass/shared/configuration";
import type { KeyState } from "@edgepass/shared/crypto";
import type { ProblemDetail } from "@edgepass/shared/problem";

/** States of access token keys in a document, by `kid`. */
export type AccessKeyStates = NonNullable<NonNullable<ConfigurationDocument["keys"]>["access"]>;

/** The keys whose states a document sets, as far as this program has them. */
export interface KnownKeys {
  /**
   * Whether a key would sign access tokens by these states; absent where no issuer of this
   * installation reads them.
   */
  readonly canSignAccess?: (states: AccessKeyStates) => Promise<boolean>;
  /** Of profile S, which every service shares; empty when all Passports are of profile A. */
  readonly passport: readonly { readonly kid: string; readonly state: KeyState }[];
}

/**
 * Finds why a document would leave no key to sign with. Each instance would refuse such a document
 * for itself; or worse, only some would, and no administrator could log in to undo it.
 *
 * The private keys of profile A are the gateway's; for those the document must name the one that
 * signs.
 */
export async function findUnusableKeys(
  { keys = {}, passport = {} }: ConfigurationDocument,
  available: KnownKeys,
): Promise<ProblemDetail[]> {
  const faults: ProblemDetail[] = [];
  const { canSignAccess } = available;
  if (!canSignAccess && keys.access) {
    // A document that revokes another issuer's key would be accepted and revoke nothing.
    const message = "is read by no issuer here: revoke the key of one at /admin/revocations";
    faults.push({ path: "keys.access", message });
  } else if (canSignAccess && !await canSignAccess(keys.access ?? {})) {
    const message = "would leave no key that signs access tokens: name one in state signing";
    faults.push({ path: "keys.access", message });
  }
  const { send, sendByRoute = {}, accept = ["S"] } = passport;
  const sent = [...(send ? [send] : []), ...Object.values(sendByRoute)];
  const states = keys.passport ?? {};
  const ofA = new Set((keys.passportPublic ?? []).map(({ kid }) => kid));
  const signs = (kid: string) => Object.hasOwn(states, kid) ? states[kid] === "signing" : undefined;

  const needsA = sent.some((profile) => profile !== "S") || !accept.includes("S");
  // A key without a state in the document keeps the state of its secret.
  if (needsA && ![...ofA].some((kid) => signs(kid) ?? true)) {
    const message =
      "needs a key of profile A that signs: deno task keys rotate passport --profile A";
    faults.push({ path: "passport", message });
  }
  const needsS = sent.some((profile) => profile !== "A") ||
    (send === undefined && accept.includes("S") && available.passport.length > 0);
  const named = Object.keys(states).some((kid) => !ofA.has(kid) && signs(kid));
  const ofSecret = available.passport.some(({ kid, state }) =>
    state === "signing" && (signs(kid) ?? true)
  );
  if (needsS && !named && !ofSecret) {
    const message =
      "would leave no key that signs Passports of profile S: name one in state signing";
    faults.push({ path: "keys.passport", message });
  }
  return faults;
}
