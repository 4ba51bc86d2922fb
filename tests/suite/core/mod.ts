import { accessTokenCases } from "./access_tokens.ts";
import { forgedTokenCases } from "./forged_tokens.ts";
import { issuerKeyCases } from "./issuer_keys.ts";
import { providerTokenCases } from "./provider_tokens.ts";
import type { Case } from "./case.ts";
import { jwsVectorCases } from "./jws_vectors.ts";
import { passportCases } from "./passports.ts";
import { platformCases } from "./platform.ts";
import { signatureEdgeCases } from "./signature_edges.ts";
import { txnTokenCases } from "./txn_tokens.ts";
import { wycheproofCases } from "./wycheproof.ts";

/** Every fact about the security core, checked on every runtime. */
export const coreCases: readonly Case[] = [
  ...platformCases,
  ...jwsVectorCases,
  ...signatureEdgeCases,
  ...wycheproofCases,
  ...accessTokenCases,
  ...providerTokenCases,
  ...issuerKeyCases,
  ...forgedTokenCases,
  ...passportCases,
  ...txnTokenCases,
];

/** Runs all cases; returns the failure message by case name, null for a case that passed. */
export async function runCoreCases(): Promise<Readonly<Record<string, string | null>>> {
  const results: [string, string | null][] = [];
  for (const { name, run } of coreCases) {
    try {
      await run();
      results.push([name, null]);
    } catch (error) {
      results.push([name, error instanceof Error ? error.message : String(error)]);
    }
  }
  return Object.fromEntries(results);
}
