import type { Alg } from "../suite/gateway_tokens.ts";

/** Claims or header members; an undefined one is left out. */
export type Members = Readonly<Record<string, unknown>>;

/** A token beside the one that the provider's row is for. */
export interface Shape {
  readonly claims?: Members;
  readonly header?: Members;
  /** `accepted`, or the reason of its refusal. */
  readonly outcome: string;
  /** The Passport's subject of an accepted one, under policy 0.1.1. */
  readonly sub?: string;
  /** Under 0.1.0, where it differs: a subject, or the reason of the refusal. */
  readonly under010?: string;
}

/** The columns of the table in docs/identity-providers.md. */
export const columns = {
  machine: "a machine's token",
  otherClient: "another client's token",
  idToken: "the ID token",
  otherTenant: "another tenant's",
  otherAudience: "for another API",
  otherEnvironment: "of another environment",
} as const;
export type Column = keyof typeof columns;

/** A provider's tokens and keys, member by member as the provider makes them. */
export interface Provider {
  /** The heading of its section, where its row is. */
  readonly title: string;
  readonly alg: Alg;
  readonly kid: string;
  /** Members of its published key beside the material itself. */
  readonly key: Members;
  /** Further keys of its set. */
  readonly others?: readonly Members[];
  /** Its discovery document: where it is, and what it names. */
  readonly discovery?: { readonly at: string; readonly issuer?: string; readonly keys: string };
  readonly header: Members;
  readonly claims: Members;
  /**
   * Whether its role `admin` is the gateway's. Never where others than the installation's owner
   * assign roles: they would read and change its configuration.
   */
  readonly administers: boolean;
  /** What the service gets. */
  readonly passport: Members;
  readonly shapes: Readonly<Record<Column, Shape | undefined>>;
  /** Further tokens, by what they are. */
  readonly further?: Readonly<Record<string, Shape>>;
}

/** A certificate's place: no part of it is read. */
export const certificate =
  "MIIDBTCCAe2gAwIBAgIQN33ROaIJ6bJBWDCxtmJEbjANBgkqhkiG9w0BAQsFADAtMSswKQYDVQQD";
export const thumbprint = "nOo3ZDrODXEK1jKWhXslHR_KXEg";

export const now = () => Math.floor(Date.now() / 1000);
export const hour = () => ({ iat: now(), nbf: now(), exp: now() + 3600 });
const { nbf: _, ...withoutNbf } = hour();
export const times = withoutNbf;

export const refused = (outcome: string, claims: Members, header?: Members): Shape => ({
  outcome,
  claims,
  ...(header ? { header } : {}),
});
export const accepted = (sub: string, claims: Members): Shape => ({
  outcome: "accepted",
  sub,
  claims,
});
/** The issuer is the environment: each has its own. */
export const elsewhere = (iss: string) => refused("unknown_issuer", { iss });
