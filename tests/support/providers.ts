import type { Alg } from "../suite/gateway_tokens.ts";

/** Claims or header members; an undefined one is left out. */
export type Members = Readonly<Record<string, unknown>>;

/** A token beside the one that the provider's row is for. */
export interface Shape {
  readonly claims?: Members;
  readonly header?: Members;
  /** `accepted`, or the reason of its refusal. */
  readonly outcome: string;
  /** The Passport's subject of an accepted one. */
  readonly sub?: string;
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
  /** What the service gets. */
  readonly passport: Members;
  readonly shapes: Readonly<Record<Column, Shape | undefined>>;
  /** Further tokens, by what they are. */
  readonly further?: Readonly<Record<string, Shape>>;
}

/** A certificate's place: no part of it is read. */
const certificate = "MIIDBTCCAe2gAwIBAgIQN33ROaIJ6bJBWDCxtmJEbjANBgkqhkiG9w0BAQsFADAtMSswKQYDVQQD";
const thumbprint = "nOo3ZDrODXEK1jKWhXslHR_KXEg";

const now = () => Math.floor(Date.now() / 1000);
const hour = () => ({ iat: now(), nbf: now(), exp: now() + 3600 });
const { nbf: _, ...times } = hour();

const refused = (outcome: string, claims: Members, header?: Members): Shape => ({
  outcome,
  claims,
  ...(header ? { header } : {}),
});
const accepted = (sub: string, claims: Members): Shape => ({ outcome: "accepted", sub, claims });
/** The issuer is the environment: each has its own. */
const elsewhere = (iss: string) => refused("unknown_issuer", { iss });

const auth0: Provider = {
  title: "Auth0",
  alg: "RS256",
  kid: "Tk7mQ0c1nT3yJ9v0sX2bD",
  key: { alg: "RS256", use: "sig", x5t: thumbprint, x5c: [certificate] },
  discovery: {
    at: "https://example.eu.auth0.com/.well-known/openid-configuration",
    keys: "https://example.eu.auth0.com/.well-known/jwks.json",
  },
  header: { typ: "JWT" },
  claims: {
    ...times,
    iss: "https://example.eu.auth0.com/",
    sub: "auth0|507f1f77bcf86cd799439011",
    aud: ["https://api.example.com", "https://example.eu.auth0.com/userinfo"],
    azp: "k7xQw2Zb9Lr4",
    scope: "openid profile read:orders",
    "https://api.example.com/roles": ["admin"],
  },
  passport: {
    sub: "user:auth0:auth0|507f1f77bcf86cd799439011",
    roles: ["admin"],
    scope: "openid profile read:orders",
  },
  shapes: {
    machine: accepted("user:auth0:n1ghtlyJob@clients", {
      sub: "n1ghtlyJob@clients",
      azp: "n1ghtlyJob",
      aud: "https://api.example.com",
      gty: "client-credentials",
    }),
    otherClient: refused("claim_invalid:azp", { azp: "an0therApp" }),
    idToken: refused("audience", { aud: "k7xQw2Zb9Lr4", azp: undefined, nonce: "n", sid: "s" }),
    otherTenant: elsewhere("https://other.eu.auth0.com/"),
    otherAudience: refused("audience", { aud: ["https://billing.example.com"] }),
    otherEnvironment: elsewhere("https://example-dev.eu.auth0.com/"),
  },
  further: {
    "in the profile of RFC 9068, with `typ` `at+jwt`": {
      outcome: "accepted",
      sub: "user:auth0:auth0|507f1f77bcf86cd799439011",
      header: { typ: "at+jwt" },
      claims: { jti: "TPUjH5sV8m8fJ2c1", client_id: "k7xQw2Zb9Lr4" },
    },
  },
};

const clerk: Provider = {
  title: "Clerk",
  alg: "RS256",
  kid: "ins_2xExampleInstance",
  key: { alg: "RS256", use: "sig" },
  discovery: {
    at: "https://clerk.example.com/.well-known/openid-configuration",
    keys: "https://clerk.example.com/.well-known/jwks.json",
  },
  header: { typ: "JWT", cat: "cl_B7d4PD111AAA" },
  claims: {
    ...times,
    exp: now() + 60,
    nbf: now() - 10,
    iss: "https://clerk.example.com",
    azp: "https://app.example.com",
    sub: "user_2xExampleUser",
    sid: "sess_2xExampleSession",
    jti: "3f2b8c1d9e0a",
    sts: "active",
    fva: [7, -1],
    v: 2,
    o: { id: "org_2xExampleOrg", slg: "example", rol: "admin" },
  },
  passport: {
    sub: "user:clerk:user_2xExampleUser",
    sid: "sess_2xExampleSession",
    tenant: "org_2xExampleOrg",
    roles: ["admin"],
  },
  shapes: {
    machine: refused("claim_missing:azp", {
      sub: "mch_2xExampleMachine",
      azp: undefined,
      sts: undefined,
      o: undefined,
      scopes: "mch_2xOther",
    }),
    otherClient: refused("claim_invalid:azp", { azp: "https://other.example.com" }),
    idToken: refused("audience", { aud: "clientExample", azp: undefined, sts: undefined }),
    otherTenant: elsewhere("https://clerk.other.example"),
    otherAudience: refused("audience", { aud: "convex" }),
    otherEnvironment: elsewhere("https://example-12.clerk.accounts.dev"),
  },
  further: {
    "of a session with open tasks (`sts` `pending`)": refused("claim_invalid:sts", {
      sts: "pending",
    }),
    "of a JWT template, which has no `sts`": refused("claim_missing:sts", {
      sts: undefined,
      sid: undefined,
    }),
  },
};

const cognito: Provider = {
  title: "Amazon Cognito",
  alg: "RS256",
  kid: "1LTm1dyGcEvG8bYmL9rPz0QeWxkq3sVnT5uHcJ2oRYE=",
  key: { alg: "RS256", use: "sig" },
  discovery: {
    at:
      "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34e/.well-known/openid-configuration",
    keys:
      "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34e/.well-known/jwks.json",
  },
  header: {},
  claims: {
    ...times,
    iss: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34e",
    sub: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    "cognito:groups": ["admin"],
    version: 2,
    client_id: "1example23456789",
    origin_jti: "7f6e5d4c-3b2a-4190-8877-665544332211",
    event_id: "64f513be-32db-42b0-b78e-b02127b4f463",
    token_use: "access",
    scope: "openid api/orders.read",
    auth_time: now(),
    jti: "0f1e2d3c-4b5a-4697-8879-aabbccddeeff",
    username: "jane",
  },
  passport: {
    sub: "user:cognito:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    sid: "7f6e5d4c-3b2a-4190-8877-665544332211",
    roles: ["admin"],
    scope: "openid api/orders.read",
  },
  shapes: {
    machine: accepted("client:cognito:2nightly34567890", {
      sub: "2nightly34567890",
      client_id: "2nightly34567890",
      username: undefined,
      origin_jti: undefined,
      event_id: undefined,
    }),
    otherClient: refused("claim_invalid:client_id", { client_id: "3other4567890123" }),
    idToken: refused("audience", {
      aud: "1example23456789",
      client_id: undefined,
      token_use: "id",
      "cognito:username": "jane",
    }),
    otherTenant: elsewhere("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Other1234"),
    otherAudience: refused("audience", { aud: "https://billing.example.com" }),
    otherEnvironment: elsewhere("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34e"),
  },
  further: {
    "an ID token that a trigger gave a `client_id`": refused("claim_invalid:token_use", {
      token_use: "id",
    }),
  },
};

const tid = "11111111-2222-4333-8444-555555555555";
const otherTid = "99999999-8888-4777-8666-555555555555";
const api = "aaaa1111-bb22-4c33-8d44-ee5555555555";
const web = "bbbb1111-cc22-4d33-8e44-ff5555555555";
const job = "cccc1111-dd22-4e33-8f44-aa5555555555";
const oid = "dddd1111-ee22-4f33-8a44-bb5555555555";

/** So many groups as Entra puts into a token at most, and more than fit into 12 KiB. */
const groups = (count: number) =>
  Array.from({ length: count }, (_, at) => `${String(at).padStart(8, "0")}${oid.slice(8)}`);

/** Entra's keys have no `alg`, and name the issuer that they are for. */
const entraKey = { use: "sig", x5t: thumbprint, x5c: [certificate] };
const entraClaims = {
  ...hour(),
  aio: "AXQAi/8IAAAA",
  rh: "I",
  uti: "AAAAAAAAAAAAAAAAAAAAAA",
  oid,
  sub: "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
  tid,
  scp: "Orders.Read",
  roles: ["admin"],
  name: "Jane",
};
/** A client with credentials of its own: no `scp`, and `oid` of its service principal. */
const appOnly = {
  oid: "eeee1111-ff22-4a33-8b44-cc5555555555",
  sub: "eeee1111-ff22-4a33-8b44-cc5555555555",
  scp: undefined,
  name: undefined,
  idtyp: "app",
};

const entraV1: Provider = {
  title: "Microsoft Entra ID, tokens of version 1",
  alg: "RS256",
  kid: thumbprint,
  key: entraKey,
  discovery: {
    at: `https://login.microsoftonline.com/${tid}/.well-known/openid-configuration`,
    issuer: `https://sts.windows.net/${tid}/`,
    keys: "https://login.microsoftonline.com/common/discovery/keys",
  },
  header: { typ: "JWT", x5t: thumbprint },
  claims: {
    ...entraClaims,
    iss: `https://sts.windows.net/${tid}/`,
    aud: "api://orders",
    appid: web,
    appidacr: "0",
    acr: "1",
    amr: ["pwd"],
    unique_name: "jane@example.com",
    ver: "1.0",
  },
  passport: {
    sub: `user:entra-v1:${oid}`,
    tenant: tid,
    roles: ["admin"],
    scope: "Orders.Read",
  },
  shapes: {
    machine: accepted(`user:entra-v1:${appOnly.oid}`, { ...appOnly, appid: job, appidacr: "1" }),
    otherClient: refused("claim_invalid:appid", { appid: api }),
    idToken: refused("audience", { aud: web, appid: undefined, scp: undefined, nonce: "n" }),
    otherTenant: refused("unknown_issuer", {
      iss: `https://sts.windows.net/${otherTid}/`,
      tid: otherTid,
    }),
    otherAudience: refused("audience", { aud: "https://graph.microsoft.com" }),
    otherEnvironment: elsewhere(`https://sts.chinacloudapi.cn/${tid}/`),
  },
};

const v2 = (tenant: string) => `https://login.microsoftonline.com/${tenant}/v2.0`;

const entraV2: Provider = {
  title: "Microsoft Entra ID, tokens of version 2, one tenant",
  alg: "RS256",
  kid: thumbprint,
  key: { ...entraKey, issuer: v2("{tenantid}") },
  discovery: {
    at: `${v2(tid)}/.well-known/openid-configuration`,
    keys: `https://login.microsoftonline.com/${tid}/discovery/v2.0/keys`,
  },
  header: { typ: "JWT" },
  claims: {
    ...entraClaims,
    iss: v2(tid),
    aud: api,
    azp: web,
    azpacr: "0",
    preferred_username: "jane@example.com",
    ver: "2.0",
  },
  passport: { sub: `user:entra:${oid}`, tenant: tid, roles: ["admin"], scope: "Orders.Read" },
  shapes: {
    machine: accepted(`user:entra:${appOnly.oid}`, { ...appOnly, azp: job, azpacr: "1" }),
    otherClient: refused("claim_invalid:azp", { azp: "ffff1111-aa22-4b33-8c44-dd5555555555" }),
    idToken: refused("audience", { aud: web, azp: undefined, scp: undefined, nonce: "n" }),
    otherTenant: refused("unknown_issuer", { iss: v2(otherTid), tid: otherTid }),
    otherAudience: refused("audience", { aud: "00000003-0000-0000-c000-000000000000" }),
    otherEnvironment: elsewhere(`https://login.microsoftonline.us/${tid}/v2.0`),
  },
  further: {
    "with 200 groups, of 12 KB": accepted(`user:entra:${oid}`, { groups: groups(200) }),
    "with more than 12,288 bytes": refused("too_large", { groups: groups(230) }),
    "the ID token, where API and client are one registration": refused("claim_missing:azp", {
      azp: undefined,
      azpacr: undefined,
      scp: undefined,
      nonce: "n",
    }),
  },
};

const entraMany: Provider = {
  ...entraV2,
  title: "Microsoft Entra ID, tokens of version 2, many tenants",
  discovery: {
    at: "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration",
    issuer: v2("{tenantid}"),
    keys: "https://login.microsoftonline.com/organizations/discovery/v2.0/keys",
  },
  passport: { ...entraV2.passport, sub: `user:entra:${tid}:${oid}` },
  shapes: {
    ...entraV2.shapes,
    machine: accepted(`user:entra:${tid}:${appOnly.oid}`, { ...appOnly, azp: job, azpacr: "1" }),
    otherTenant: refused("claim_invalid:tid", { iss: v2(otherTid), tid: otherTid }),
  },
  further: {
    "whose `tid` is not the tenant in its `iss`": refused("claim_invalid:tid", { tid: otherTid }),
    "of a listed second tenant, with the same `oid`": accepted(
      `user:entra:22222222-3333-4444-8555-666666666666:${oid}`,
      {
        iss: v2("22222222-3333-4444-8555-666666666666"),
        tid: "22222222-3333-4444-8555-666666666666",
      },
    ),
  },
};

const firebase: Provider = {
  title: "Firebase Authentication",
  alg: "RS256",
  kid: "f833e8a7fe3fe4b878948219a1684afa373ca86f",
  key: { alg: "RS256", use: "sig" },
  discovery: {
    at: "https://securetoken.google.com/example-project/.well-known/openid-configuration",
    keys:
      "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
  },
  header: { typ: "JWT" },
  claims: {
    ...times,
    iss: "https://securetoken.google.com/example-project",
    aud: "example-project",
    sub: "kZp3Xw9ExampleUid",
    user_id: "kZp3Xw9ExampleUid",
    auth_time: now(),
    email: "jane@example.com",
    email_verified: true,
    roles: ["admin"],
    firebase: { identities: { email: ["jane@example.com"] }, sign_in_provider: "password" },
  },
  passport: { sub: "user:firebase:kZp3Xw9ExampleUid", roles: ["admin"] },
  shapes: {
    machine: refused("unknown_issuer", {
      iss: "job@example-project.iam.gserviceaccount.com",
      aud:
        "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
    }),
    otherClient: undefined,
    idToken: undefined,
    otherTenant: refused("unknown_issuer", {
      iss: "https://securetoken.google.com/other-project",
      aud: "other-project",
    }),
    otherAudience: refused("audience", { aud: "other-project" }),
    otherEnvironment: elsewhere("https://securetoken.google.com/example-project-dev"),
  },
  further: {
    "a session cookie of the Admin SDK": elsewhere(
      "https://session.firebase.google.com/example-project",
    ),
    "a token of App Check": refused("unknown_issuer", {
      iss: "https://firebaseappcheck.googleapis.com/123456789012",
      aud: ["projects/123456789012", "projects/example-project"],
    }),
  },
};

const googleClient = "123456789012-abcdef.apps.googleusercontent.com";

const google: Provider = {
  title: "Google",
  alg: "RS256",
  kid: "89ce3598c473af1bda4bff95e6c8736450206fba",
  key: { alg: "RS256", use: "sig" },
  discovery: {
    at: "https://accounts.google.com/.well-known/openid-configuration",
    keys: "https://www.googleapis.com/oauth2/v3/certs",
  },
  header: { typ: "JWT" },
  claims: {
    ...times,
    iss: "https://accounts.google.com",
    azp: googleClient,
    aud: googleClient,
    sub: "110169484474386276334",
    hd: "example.com",
    email: "jane@example.com",
    email_verified: true,
    at_hash: "HK6E_P6Dh8Y93mRNtsDB1Q",
  },
  passport: { sub: "user:google:110169484474386276334", roles: ["staff"] },
  shapes: {
    machine: refused("claim_invalid:azp", {
      azp: "107517467455664443765",
      sub: "107517467455664443765",
      hd: undefined,
      email: "job@other-project.iam.gserviceaccount.com",
    }),
    otherClient: refused("claim_invalid:azp", {
      azp: "123456789012-android.apps.googleusercontent.com",
    }),
    idToken: undefined,
    otherTenant: refused("claim_invalid:hd", { hd: "other.example" }),
    otherAudience: refused("audience", { aud: "999-zzz.apps.googleusercontent.com" }),
    otherEnvironment: refused("audience", {
      aud: "123456789012-dev.apps.googleusercontent.com",
      azp: "123456789012-dev.apps.googleusercontent.com",
    }),
  },
  further: {
    "of an account outside of Workspace": refused("claim_missing:hd", { hd: undefined }),
  },
};

const keycloak: Provider = {
  title: "Keycloak",
  alg: "RS256",
  kid: "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE",
  key: {
    alg: "RS256",
    use: "sig",
    x5c: [certificate],
    x5t: thumbprint,
    "x5t#S256": "jNX3vAyXe4q5n1pTJr7VqTp1vQ2yqkQm3S0Kx0n8f5M",
  },
  others: [{
    kid: "enc-SEnkjkUcIKpKXsVvPwLx0wV3sO",
    kty: "RSA",
    alg: "RSA-OAEP",
    use: "enc",
    n: "sXch",
    e: "AQAB",
  }],
  discovery: {
    at: "https://id.example.com/realms/shop/.well-known/openid-configuration",
    keys: "https://id.example.com/realms/shop/protocol/openid-connect/certs",
  },
  header: { typ: "JWT" },
  claims: {
    ...times,
    auth_time: now(),
    jti: "onrtac:1f5ce5b4-5a0c-4a1a-9d4a-0a8cbd3d6f5e",
    iss: "https://id.example.com/realms/shop",
    aud: ["edgepass-api", "account"],
    sub: "f5e7a3c2-1111-4222-8333-444455556666",
    typ: "Bearer",
    azp: "shop-web",
    sid: "9b8c7d6e-5f4a-4b3c-8d2e-1f0a9b8c7d6e",
    acr: "1",
    "allowed-origins": ["https://app.example.com"],
    realm_access: { roles: ["admin", "offline_access"] },
    resource_access: { account: { roles: ["view-profile"] } },
    scope: "openid email profile",
    preferred_username: "jane",
  },
  passport: {
    sub: "user:keycloak:f5e7a3c2-1111-4222-8333-444455556666",
    sid: "9b8c7d6e-5f4a-4b3c-8d2e-1f0a9b8c7d6e",
    roles: ["admin", "offline_access"],
    scope: "openid email profile",
  },
  shapes: {
    machine: accepted("user:keycloak:0a1b2c3d-5555-4666-8777-888899990000", {
      sub: "0a1b2c3d-5555-4666-8777-888899990000",
      azp: "nightly",
      client_id: "nightly",
      sid: undefined,
      auth_time: undefined,
      preferred_username: "service-account-nightly",
    }),
    otherClient: refused("claim_invalid:azp", { azp: "other-app" }),
    idToken: refused("audience", { aud: "shop-web", typ: "ID", at_hash: "h" }),
    otherTenant: elsewhere("https://id.example.com/realms/other"),
    otherAudience: refused("audience", { aud: ["billing-api", "account"] }),
    otherEnvironment: elsewhere("https://id.staging.example.com/realms/shop"),
  },
  further: {
    "the ID token, where the mapper adds the audience to it too": refused("claim_invalid:typ", {
      aud: ["edgepass-api", "shop-web"],
      typ: "ID",
    }),
  },
};

const keycloakBare: Provider = {
  ...keycloak,
  title: "Keycloak without an audience mapper",
  claims: { ...keycloak.claims, aud: undefined },
  passport: {
    ...keycloak.passport,
    sub: "user:keycloak-bare:f5e7a3c2-1111-4222-8333-444455556666",
  },
  shapes: {
    ...keycloak.shapes,
    machine: {
      ...keycloak.shapes.machine,
      outcome: "accepted",
      sub: "user:keycloak-bare:0a1b2c3d-5555-4666-8777-888899990000",
    },
  },
  further: {
    "of a person with roles of the client `account`": refused("audience", { aud: "account" }),
  },
};

const okta: Provider = {
  title: "Okta",
  alg: "RS256",
  kid: "Ic1VBr0nT7sZ2jVZ6Y0Rk4ZqM8vVt1pQ9b7mXn3cK4E",
  key: { alg: "RS256", use: "sig" },
  discovery: {
    at: "https://example.okta.com/oauth2/default/.well-known/openid-configuration",
    keys: "https://example.okta.com/oauth2/default/v1/keys",
  },
  header: {},
  claims: {
    ...times,
    ver: 1,
    jti: "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
    iss: "https://example.okta.com/oauth2/default",
    aud: "api://default",
    cid: "0oa1example2web3",
    uid: "00u1example2user3",
    scp: ["openid", "orders.read"],
    auth_time: now(),
    sub: "jane@example.com",
    groups: ["admin"],
  },
  passport: { sub: "user:okta:00u1example2user3", roles: ["admin"], scope: "openid orders.read" },
  shapes: {
    machine: accepted("client:okta:0oa1example2job3", {
      cid: "0oa1example2job3",
      sub: "0oa1example2job3",
      uid: undefined,
      auth_time: undefined,
    }),
    otherClient: refused("claim_invalid:cid", { cid: "0oa1example2oth3" }),
    idToken: refused("audience", { aud: "0oa1example2web3", cid: undefined, scp: undefined }),
    otherTenant: elsewhere("https://other.okta.com/oauth2/default"),
    otherAudience: refused("audience", { aud: "api://billing" }),
    otherEnvironment: elsewhere("https://example.oktapreview.com/oauth2/default"),
  },
  further: {
    "of the org authorization server": refused("unknown_issuer", {
      iss: "https://example.okta.com",
      aud: "https://example.okta.com",
    }),
  },
};

const supabase: Provider = {
  title: "Supabase Auth",
  alg: "ES256",
  kid: "b81269f1-21d8-4f2e-b719-c2240a840d90",
  key: { alg: "ES256", ext: true, key_ops: ["verify"] },
  header: { typ: "JWT" },
  claims: {
    ...times,
    iss: "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
    sub: "8ccaa7af-909f-44e7-84cb-67cdccb56be6",
    aud: "authenticated",
    email: "jane@example.com",
    phone: "",
    app_metadata: { provider: "email", providers: ["email"], roles: ["admin"] },
    user_metadata: {},
    role: "authenticated",
    aal: "aal1",
    amr: [{ method: "password", timestamp: now() }],
    session_id: "4b938a09-5372-4177-a314-cfa292099ea2",
    is_anonymous: false,
  },
  passport: {
    sub: "user:supabase:8ccaa7af-909f-44e7-84cb-67cdccb56be6",
    sid: "4b938a09-5372-4177-a314-cfa292099ea2",
    roles: ["admin"],
  },
  shapes: {
    machine: refused("unknown_issuer", { iss: "supabase", role: "service_role", sub: undefined }),
    otherClient: refused("claim_invalid:client_id", {
      client_id: "9a8b7c6d-0000-4111-8222-333344445555",
    }),
    idToken: refused("audience", { aud: "9a8b7c6d-0000-4111-8222-333344445555" }),
    otherTenant: elsewhere("https://zyxwvutsrqponmlkjihg.supabase.co/auth/v1"),
    otherAudience: refused("audience", { aud: "anon" }),
    otherEnvironment: elsewhere("http://127.0.0.1:54321/auth/v1"),
  },
  further: {
    "minted for another Postgres role": refused("claim_invalid:role", { role: "reporting" }),
    "of an anonymous sign-in": refused("claim_invalid:is_anonymous", { is_anonymous: true }),
  },
};

const project = "259242039378444290";

const zitadel: Provider = {
  title: "Zitadel",
  alg: "RS256",
  kid: "317266170934034434",
  key: { alg: "RS256", use: "sig" },
  discovery: {
    at: "https://example-ab12cd.zitadel.cloud/.well-known/openid-configuration",
    keys: "https://example-ab12cd.zitadel.cloud/oauth/v2/keys",
  },
  header: { typ: "JWT" },
  claims: {
    ...hour(),
    iss: "https://example-ab12cd.zitadel.cloud",
    sub: "259241944654282754",
    aud: ["259254020357488642", project],
    jti: "V2_325465324532-at_325465324533",
    client_id: "259254020357488642",
    "urn:zitadel:iam:org:project:roles": {
      admin: { "259241944654282755": "example.zitadel.cloud" },
    },
    "urn:zitadel:iam:user:resourceowner:id": "259241944654282755",
  },
  passport: {
    sub: "user:zitadel:259241944654282754",
    tenant: "259241944654282755",
    roles: ["admin"],
  },
  shapes: {
    machine: accepted("user:zitadel:259254317079330818", {
      sub: "259254317079330818",
      client_id: "nightly",
      aud: [project],
    }),
    otherClient: refused("claim_invalid:client_id", { client_id: "259254409320529922" }),
    idToken: refused("claim_missing:jti", {
      jti: undefined,
      nbf: undefined,
      azp: "259254020357488642",
      amr: ["pwd"],
      at_hash: "h",
      auth_time: now(),
    }),
    otherTenant: elsewhere("https://other-ef34ab.zitadel.cloud"),
    otherAudience: refused("audience", { aud: ["259254020357488642", "259242039378444999"] }),
    otherEnvironment: elsewhere("https://example-dev-cd56ef.zitadel.cloud"),
  },
};

const betterAuth: Provider = {
  title: "better-auth",
  alg: "EdDSA",
  kid: "c5c7995d-0037-4553-8aee-b5b620b89b23",
  key: { alg: "EdDSA" },
  header: {},
  claims: {
    ...times,
    exp: now() + 900,
    iss: "https://app.example.com",
    aud: "https://api.example.com",
    sub: "mKx2ExampleUserId",
    roles: ["admin"],
    sid: "sXk9ExampleSessionId",
  },
  passport: {
    sub: "user:better-auth:mKx2ExampleUserId",
    sid: "sXk9ExampleSessionId",
    roles: ["admin"],
  },
  shapes: {
    machine: undefined,
    otherClient: undefined,
    idToken: refused("audience", { aud: "exampleClientId", nonce: "n", acr: "silver" }),
    otherTenant: elsewhere("https://other.example"),
    otherAudience: refused("audience", { aud: "https://app.example.com" }),
    otherEnvironment: elsewhere("https://app.staging.example.com"),
  },
};

/** In the order of the page. */
export const providers: readonly Provider[] = [
  auth0,
  cognito,
  betterAuth,
  clerk,
  entraV1,
  entraV2,
  entraMany,
  firebase,
  google,
  keycloak,
  keycloakBare,
  okta,
  supabase,
  zitadel,
];
