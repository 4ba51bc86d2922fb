import type { AccessTokenIssuer, RefusalReason } from "@edgepass/shared/tokens";
import { type Change, theirClaims } from "./access_token_environment.ts";

/** A shape that providers send and that is accepted, with its refusals beside it. */
export interface Shape {
  /** What the issuer's row has. */
  readonly row?: Partial<AccessTokenIssuer>;
  readonly header?: object;
  readonly claims?: object;
  readonly expected: object;
  /** Changes of the same token for the same row, unless `external` replaces it. */
  readonly refused: Readonly<Record<string, readonly [Change, RefusalReason]>>;
}

const large = { maxTokenBytes: 12_288 } as const;

/** Subjects, roles, tenants and further claims of other issuers' tokens. */
export const claimShapes: Readonly<Record<string, Shape>> = {
  "a subject that is a number": {
    claims: { sub: 42 },
    expected: { sub: "42" },
    refused: {
      "with a fraction": [{ claims: { sub: 4.2 } }, "claim_invalid:sub"],
      "that another one is equal to": [{ claims: { sub: 2 ** 53 } }, "claim_invalid:sub"],
      "in a list": [{ claims: { sub: [42] } }, "claim_invalid:sub"],
    },
  },
  "a subject with a space and letters outside of ASCII": {
    claims: { sub: "Jürgen Ⅻ!" },
    expected: { sub: "J%C3%BCrgen%20%E2%85%AB%21" },
    refused: {
      "that somebody else has as name in that encoding": [
        { claims: { sub: "J%C3%BCrgen%20%E2%85%AB%21" } },
        "claim_invalid:sub",
      ],
      "in part of that encoding": [{ claims: { sub: "J%C3%BCrgen" } }, "claim_invalid:sub"],
      "with a control character": [{ claims: { sub: "a\u0000b" } }, "claim_invalid:sub"],
      "with a line": [{ claims: { sub: "a\nb" } }, "claim_invalid:sub"],
      "with half a letter": [
        {
          payload: JSON.stringify({ ...theirClaims, sub: "" }).replace(
            '"sub":""',
            '"sub":"\\ud800"',
          ),
        },
        "malformed",
      ],
      "of 257 characters": [{ claims: { sub: `ü${"a".repeat(256)}` } }, "claim_invalid:sub"],
      "too long for a Passport": [{ claims: { sub: "ü".repeat(90) } }, "claim_invalid:sub"],
      "that is empty": [{ claims: { sub: "" } }, "claim_invalid:sub"],
    },
  },
  "a subject of version 0.1.0 with escapes": {
    claims: { sub: "auth0%7C42%" },
    expected: { sub: "auth0%7C42%" },
    refused: { "of a space": [{ claims: { sub: "auth0%2042" } }, "claim_invalid:sub"] },
  },
  "a subject in another claim": {
    row: { claims: { sub: "oid" } },
    claims: { oid: "o-1" },
    expected: { sub: "o-1" },
    refused: {
      "that is absent": [{ claims: { oid: undefined } }, "claim_missing:oid"],
      "that is an object": [{ claims: { oid: {} } }, "claim_invalid:oid"],
    },
  },
  "no subject, but a client": {
    claims: { sub: undefined, azp: "svc a" },
    expected: { kind: "client", sub: "svc%20a", isWithoutSub: true },
    refused: {
      "that is no text": [{ claims: { azp: {} } }, "claim_invalid:sub"],
      "neither": [{ claims: { azp: undefined } }, "claim_missing:sub"],
    },
  },
  "a subject that is the client": {
    claims: { sub: "svc", cid: "svc" },
    expected: { kind: "client", sub: "svc", isWithoutSub: undefined },
    refused: { "of another audience": [{ claims: { aud: "other" } }, "audience"] },
  },
  "a subject that is the program, beside the page's client": {
    claims: { azp: "web", client_id: "job", sub: "job" },
    expected: { kind: "client", sub: "job", isWithoutSub: undefined },
    refused: { "of another audience": [{ claims: { aud: "other" } }, "audience"] },
  },
  "a subject that is the client, as a number": {
    claims: { client_id: 7, sub: "7" },
    expected: { kind: "client", sub: "7", isWithoutSub: undefined },
    refused: { "of another audience": [{ claims: { aud: "other" } }, "audience"] },
  },
  "a scope as long as a Passport's": {
    claims: { scope: "s".repeat(2048) },
    expected: { scope: "s".repeat(2048) },
    refused: { "and a longer one": [{ claims: { scope: "s".repeat(2049) } }, "too_large"] },
  },
  "a person's subject beside a client": {
    claims: { client_id: "web" },
    expected: { kind: "user", sub: "auth0|42" },
    refused: { "of another audience": [{ claims: { aud: "other" } }, "audience"] },
  },
  "more than 64 roles": {
    row: large,
    claims: { roles: Array.from({ length: 300 }, (_, at) => `group-${at}`) },
    expected: { roles: Array.from({ length: 300 }, (_, at) => `group-${at}`) },
    refused: {
      "of which one is a number": [{ claims: { roles: ["a", 1] } }, "claim_invalid:roles"],
      "of which one is empty": [{ claims: { roles: ["a", ""] } }, "claim_invalid:roles"],
    },
  },
  "roles that its row renames and keeps": {
    row: {
      claims: {
        roles: {
          from: ["app", "roles"],
          map: { Admins: "admin", A: "admin" },
          keep: ["admin", "x"],
        },
      },
    },
    claims: { app: { roles: ["Admins", "A", "x", "toString", "keep"] } },
    expected: { roles: ["admin", "x"] },
    refused: {
      "in an object": [{ claims: { app: { roles: { a: 1 } } } }, "claim_invalid:app.roles"],
    },
  },
  "as long a scope as a Passport may have": {
    row: large,
    claims: { scope: `${"s".repeat(1023)} ${"t".repeat(1024)}` },
    expected: { scope: `${"s".repeat(1023)} ${"t".repeat(1024)}` },
    refused: {
      "and a character more": [{ claims: { scope: "s".repeat(2049) } }, "too_large"],
      "in a list, and more of them": [
        { claims: { scope: Array.from({ length: 205 }, () => "s".repeat(9)) } },
        "too_large",
      ],
    },
  },
  "a tenant in a claim": {
    row: { claims: { tenant: "org_id" } },
    claims: { org_id: "org 1" },
    expected: { tenant: "org 1", hasTenantInNames: undefined, sub: "auth0|42" },
    refused: { "that is a number": [{ claims: { org_id: 1 } }, "claim_invalid:org_id"] },
  },
  "further claims for the Passport": {
    row: { claims: { extra: { email: "email", plan: ["app", "plan"], none: "absent" } } },
    claims: { email: "j@ü.test", app: { plan: { level: 2 } } },
    expected: { extra: { email: "j@ü.test", plan: { level: 2 } } },
    refused: { "over 512 bytes": [{ claims: { email: "ü".repeat(250) } }, "too_large"] },
  },
  "none of the further claims": {
    row: { claims: { extra: { email: "email" } } },
    expected: { extra: undefined },
    refused: { "of another audience": [{ claims: { aud: "other" } }, "audience"] },
  },
};
