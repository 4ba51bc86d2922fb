import type { Provider } from "./provider.ts";
import { entraMany, entraV1, entraV2 } from "./providers_entra.ts";
import { firebase, google } from "./providers_google.ts";
import { auth0, clerk, cognito, okta } from "./providers_hosted.ts";
import { betterAuth, keycloak, keycloakBare, supabase, zitadel } from "./providers_own.ts";

/** In the order of the page. */
export const providers: readonly Provider[] = [
  auth0,
  cognito,
  betterAuth,
  clerk,
  entraV2,
  entraMany,
  entraV1,
  firebase,
  google,
  keycloak,
  keycloakBare,
  okta,
  supabase,
  zitadel,
];
