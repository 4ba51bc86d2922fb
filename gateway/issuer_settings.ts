import { integer, setting } from "@edgepass/shared/configuration";
import { asymmetricAlgorithms, JwkSet } from "@edgepass/shared/crypto";
import {
  externalTokenLifeSeconds,
  findOverlap,
  isIssuerAlias,
  isTenant,
  maxAccessTokenBytes,
  maxExternalTokenBytes,
  readTemplate,
  toMediaType,
} from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import { isLoopback } from "./issuer_hosts.ts";

/** No longer than what a Passport verifier accepts. */
export const text = z.string().check(z.minLength(1), z.maxLength(512));

const url = text.check(
  z.refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), {
    error: "must be a URL",
    abort: true,
  }),
  z.refine(
    (value) => new URL(value).username === "" && new URL(value).password === "",
    "must be a URL without credentials",
  ),
);

/** A text is a list of one. */
function list<Output>(item: z.ZodMiniType<Output, string>) {
  return z.pipe(
    z.union([item, z.array(item).check(z.minLength(1))]),
    z.transform((value: Output | Output[]): Output[] => Array.isArray(value) ? value : [value]),
  );
}

const path = z.array(text).check(z.minLength(1));

const claimPath = z.union([text, path]);

/** A key set in the setting must be usable: no later reload can replace it. */
const givenSet = JwkSet.check(
  z.refine((set) => !set.keys.some(isSecret), "must have public keys only"),
);

/** A key with `d: null` has no private half: some serialisers write every member. */
function isSecret(key: unknown): boolean {
  return typeof key === "object" && key !== null &&
    ["d", "k"].some((name) => (Reflect.get(key, name) ?? undefined) !== undefined);
}

/** RFC 9864 calls `Ed25519` what RFC 8037 calls `EdDSA`. */
const algorithm = z.pipe(
  z.enum([...asymmetricAlgorithms, "Ed25519"]),
  z.transform((name) => name === "Ed25519" ? "EdDSA" : name),
);

const tenant = text.check(z.refine(isTenant, "must be of letters, digits and - . _ ~ only"));

const requiredValue = z.union([z.string(), z.number(), z.boolean()]);
const requiredValues = z.pipe(
  z.union([requiredValue, z.array(requiredValue).check(z.minLength(1))]),
  z.transform((value) => Array.isArray(value) ? value : [value]),
);
const presence = z.strictObject({ present: z.boolean() });

/** Whether braces, if there are any, make a template. */
function isIss(iss: string): boolean {
  try {
    readTemplate(iss);
    return true;
  } catch {
    return false;
  }
}

const rolesRule = z.strictObject({
  from: claimPath,
  map: z.exactOptional(z.record(text, text)),
  keep: z.exactOptional(z.array(text)),
  keys: z.exactOptional(z.boolean()),
});

/** Names that the Passport's `ext` has: they are shown, so they have a plain form. */
const extraName = z.string().check(
  z.regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "must be a name of letters, digits and _"),
);

const extra = z.pipe(
  z.union([z.array(extraName), z.record(extraName, claimPath)]),
  z.transform((value) =>
    Array.isArray(value) ? Object.fromEntries(value.map((name) => [name, name])) : value
  ),
);

/** The members of `claims`, in the order of the reference. */
export const claimMembers = {
  sub: setting(z.optional(claimPath), {
    meaning: "the subject: a text, or a whole number",
    without: "`sub`",
  }),
  tenant: setting(z.optional(claimPath), {
    meaning: "the subject's tenant, copied into the Passport; not with a template, which has one",
    without: "none",
  }),
  jti: setting(z.optional(claimPath), {
    meaning: "the token's id, by which one token is revoked",
    without: "`jti`",
  }),
  sid: setting(z.optional(claimPath), {
    meaning: "the login, by which all of its tokens are revoked",
    without: "`sid`",
  }),
  scope: setting(z.optional(claimPath), {
    meaning: "the scopes: a text with spaces between them, or a list",
    without: "`scope`",
  }),
  roles: setting(z.optional(z.union([text, path, rolesRule])), {
    meaning:
      "the roles: a list, or one text; or `{from, keys?, map?, keep?}`, where `keys: true` takes the names of an object's members, `map` renames roles and `keep` then lists those that stay; `admin` opens `/admin/*` of the gateway",
    without: "`roles`, all of them",
  }),
  extra: setting(z.optional(extra), {
    meaning:
      "further claims for the Passport, as a list of names or `{name: claim}`; 512 bytes as JSON at most; personal data only if named here; sent with `PASSPORT_POLICY` `0.1.1` or `0.2.1` alone",
    without: "none",
  }),
} as const;

/** The members of a row, in the order of the reference. */
export const issuerMembers = {
  alias: setting(
    text.check(z.refine(
      isIssuerAlias,
      "must be a lower-case word of at most 32 characters, and not user",
    )),
    { meaning: "prefix of its subjects, `user:<alias>:<sub>`, and of its revocations" },
  ),
  iss: setting(
    text.check(z.refine(isIss, "must have at most one {claim}, for one whole segment of its path")),
    {
      meaning:
        "`iss` of its tokens, compared exactly; or a template with one `{claim}` for one path segment, as `https://login.microsoftonline.com/{tid}/v2.0`",
    },
  ),
  tenants: setting(
    z.optional(z.union([z.literal("any"), z.array(tenant).check(z.minLength(1))])),
    {
      meaning: 'the tenants of a template that are accepted, or `"any"`; required with a template',
      without: "no template",
    },
  ),
  jwks: setting(z.optional(z.union([url, givenSet])), {
    meaning:
      "the key set: its URL, or the public keys themselves; not with `discovery`; a warning where it is plain http and not at a loopback host",
    without: "by `discovery`",
  }),
  discovery: setting(z.optional(url), {
    meaning: "URL of the OpenID configuration that names the key set",
    without: "`<iss>/.well-known/openid-configuration`, unless `jwks` is given",
  }),
  audience: setting(z.optional(list(text)), {
    meaning: "the token's `aud` must contain it, or one of the list; this or `clients` is required",
    without: "with `clients` alone a token that has an `aud` is refused",
  }),
  clients: setting(
    z.optional(z.strictObject({
      claim: claimPath,
      allow: z.array(text).check(z.minLength(1)),
    })),
    {
      meaning:
        "`{claim, allow}`: the claim that names the client, such as `client_id` or `azp`, and the accepted ones",
      without: "any client",
    },
  ),
  require: setting(z.optional(z.record(text, z.union([requiredValues, presence]))), {
    meaning:
      "`{claim: value}` or a list of values: claims that must be equal to it, such as `token_use`; `{claim: {present: true}}` or `false`: claims that must be there, or must not",
    without: "nothing further",
  }),
  algorithms: setting(z.array(algorithm).check(z.minLength(1)), {
    meaning:
      "list of `EdDSA` (also `Ed25519`), `ES256`, `ES384`, `ES512`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`",
  }),
  typ: setting(
    z.optional(
      list(z.pipe(z.string(), z.transform(toMediaType))),
    ),
    {
      meaning:
        'accepted `typ` of the header, compared as media types; `""` for a header without one',
      without: "`at+jwt`, `JWT` and none",
    },
  ),
  maxLifeSeconds: setting(z._default(integer({ min: 1 }), externalTokenLifeSeconds), {
    meaning:
      "longest life of a token in seconds; for one without `iat`, what is left of it; not below the issuer's own, because revocations last as long",
  }),
  maxTokenBytes: setting(
    z._default(integer({ min: 256, max: maxExternalTokenBytes }), maxAccessTokenBytes),
    { meaning: "longest token in bytes" },
  ),
  required: setting(z._default(z.boolean(), false), {
    meaning: "whether the gateway is not ready while this issuer's keys are away",
  }),
  claims: setting(z.optional(z.strictObject(claimMembers)), {
    meaning: "where its tokens have what ours call by the names of the next table",
    without: "under our names",
  }),
} as const;

/** One entry of `ISSUERS`. */
export const IssuerSetting = z.strictObject(issuerMembers).check((context) => {
  const { iss, tenants, jwks, discovery, audience, clients, claims } = context.value;
  const refuse = (name: string, message: string) =>
    context.issues.push({ code: "custom", input: context.value, path: [name], message });
  const isTemplate = iss.includes("{");
  if (isTemplate && tenants === undefined) {
    refuse("tenants", 'must list the tenants of the template in iss, or be "any"');
  }
  if (!isTemplate && tenants !== undefined) refuse("tenants", "must have a template in iss");
  if (isTemplate && claims?.tenant !== undefined) {
    refuse("claims", "must not have tenant: the template in iss names it");
  }
  if (jwks !== undefined && discovery !== undefined) {
    refuse("discovery", "must not be given together with jwks");
  }
  if (
    jwks === undefined && discovery === undefined && (isTemplate || !url.safeParse(iss).success)
  ) {
    refuse("jwks", "must be given, or discovery: iss is no URL of a document");
  }
  if (audience === undefined && clients === undefined) {
    refuse("audience", "must be given, or clients: else tokens for others would be accepted");
  }
});

/** Whether a row's keys, or the document that names them, are requested without TLS. */
export function usesPlainHttp(
  { iss, jwks, discovery }: Pick<IssuerRow, "iss" | "jwks" | "discovery">,
): boolean {
  const given = jwks ?? discovery ?? iss;
  return typeof given === "string" && /^http:/i.test(given) && !isLoopback(new URL(given));
}

/** `ISSUERS`. */
export const IssuerSettings = z.array(IssuerSetting).check(
  (context) => {
    const aliases = context.value.map(({ alias }) => alias);
    const alias = aliases.find((one, at) => aliases.indexOf(one) !== at);
    if (alias === undefined) return;
    const message = `has an alias twice: ${alias}`;
    context.issues.push({ code: "custom", input: context.value, message });
  },
  (context) => {
    const twice = findOverlap(context.value);
    if (!twice) return;
    const message = `has an iss twice: ${twice.map(({ alias }) => alias).join(" and ")}`;
    context.issues.push({ code: "custom", input: context.value, message });
  },
);

/** A row as it is read: lists for single texts, and every default. */
export type IssuerRow = z.output<typeof IssuerSetting>;
