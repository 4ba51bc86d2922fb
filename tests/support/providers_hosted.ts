import {
  accepted,
  certificate,
  elsewhere,
  now,
  type Provider,
  refused,
  thumbprint,
  times,
} from "./provider.ts";

export const auth0: Provider = {
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
  administers: true,
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

export const clerk: Provider = {
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
  administers: false,
  passport: {
    sub: "user:clerk:user_2xExampleUser",
    sid: "sess_2xExampleSession",
    tenant: "org_2xExampleOrg",
    roles: ["org-admin"],
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

export const cognito: Provider = {
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
  administers: true,
  passport: {
    sub: "user:cognito:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    sid: "7f6e5d4c-3b2a-4190-8877-665544332211",
    roles: ["admin"],
    scope: "openid api/orders.read",
  },
  shapes: {
    machine: {
      ...accepted("client:cognito:2nightly34567890", {
        sub: "2nightly34567890",
        client_id: "2nightly34567890",
        username: undefined,
        origin_jti: undefined,
        event_id: undefined,
      }),
      under010: "user:cognito:2nightly34567890",
    },
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

export const okta: Provider = {
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
  administers: true,
  passport: { sub: "user:okta:00u1example2user3", roles: ["admin"], scope: "openid orders.read" },
  shapes: {
    machine: {
      ...accepted("client:okta:0oa1example2job3", {
        cid: "0oa1example2job3",
        sub: "0oa1example2job3",
        uid: undefined,
        auth_time: undefined,
      }),
      under010: "claim_invalid:sub",
    },
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
