import { elsewhere, now, type Provider, refused, times } from "./provider.ts";

export const firebase: Provider = {
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
  administers: true,
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

export const google: Provider = {
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
  administers: false,
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
