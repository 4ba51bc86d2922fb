import { gatewaySettings, reportIssuerKeys } from "@edgepass/gateway";
import { readConfig } from "@edgepass/shared/configuration";
import * as z from "zod/mini";

/**
 * Asks every issuer for its keys as the gateway does, and prints what it finds as JSON, one report
 * an issuer. `ISSUERS` is read from standard input, in a JSON object.
 */
const { ISSUERS } = readConfig(
  z.object({ ISSUERS: gatewaySettings.ISSUERS }),
  await new Response(Deno.stdin.readable).json(),
);
console.log(JSON.stringify(await reportIssuerKeys(ISSUERS)));
