import { toEnvFile } from "./env_file.ts";
import { makeAccessTokenKeys, makePassportKeys, makeSecret } from "./keys.ts";

/** Prints fresh secrets of an installation as dotenv lines; each is for one installation alone. */
console.log(
  toEnvFile({
    PASSPORT_KEYS: makePassportKeys(),
    ACCESS_TOKEN_KEYS: await makeAccessTokenKeys(),
    REFRESH_TOKEN_KEY: makeSecret(),
    RECOMMENDER_KEY: makeSecret(),
  }).trimEnd(),
);
