import { readArguments } from "@edgepass/shared/runtime/deno";
import { toEnvFile } from "../workspace/env_file.ts";
import {
  makeAccessTokenKeys,
  makePassportKeys,
  makePrivatePassportKey,
  makeSecret,
} from "@edgepass/shared/crypto";

const usage = "Usage: deno task keys:new [A]";

/**
 * Prints new secrets of an installation as dotenv lines; each is for one installation alone. With
 * `A` it prints one entry for the gateway's `PASSPORT_KEYS`, to sign Passports of profile A.
 */
async function printKeys(args: readonly string[]): Promise<number> {
  if (args.length === 0) {
    console.log(
      toEnvFile({
        PASSPORT_KEYS: makePassportKeys(),
        ACCESS_TOKEN_KEYS: await makeAccessTokenKeys(),
        REFRESH_TOKEN_KEY: makeSecret(),
        RECOMMENDER_KEY: makeSecret(),
      }).trimEnd(),
    );
    return 0;
  }
  if (args.length === 1 && args[0] === "A") {
    console.log(JSON.stringify(await makePrivatePassportKey("published")));
    return 0;
  }
  console.error(usage);
  return 2;
}

readArguments({ usage });
Deno.exit(await printKeys(Deno.args));
