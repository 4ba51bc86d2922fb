import {
  accepted,
  certificate,
  elsewhere,
  hour,
  now,
  type Provider,
  refused,
  thumbprint,
  times,
} from "./provider.ts";

export const keycloak: Provider = {
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
  administers: true,
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

export const keycloakBare: Provider = {
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

export const supabase: Provider = {
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
  administers: true,
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

export const zitadel: Provider = {
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
  administers: false,
  passport: {
    sub: "user:zitadel:259241944654282754",
    tenant: "259241944654282755",
    roles: ["org-admin"],
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

export const betterAuth: Provider = {
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
  administers: true,
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
