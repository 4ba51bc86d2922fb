import { describeDropped, gatewaySettings, locateKeySet, readIssuerKeys } from "@edgepass/gateway";
import * as z from "zod/mini";
import { type DoctorContext, type Effects, fail, type Finding, ok, warn } from "./context.ts";

/**
 * Every issuer of `ISSUERS` can be asked for its keys from this machine, and has a usable key for
 * each algorithm of its row.
 */
export async function checkIssuers(
  { parts, settings: { ISSUERS } }: DoctorContext,
  { request, now }: Effects,
): Promise<Finding[]> {
  if (!parts.includes("gateway") || ISSUERS === "") return [];
  const { data: rows } = z.safeParse(gatewaySettings.ISSUERS, ISSUERS);
  if (rows === undefined) return [warn("not checked", "fix ISSUERS, which settings reports above")];
  const effects = { fetch: request, now };
  return (await Promise.all(rows.map((row) => checkRow(row, effects)))).flat();
}

async function checkRow(
  row: z.output<typeof gatewaySettings.ISSUERS>[number],
  effects: { readonly fetch: Effects["request"]; readonly now: Effects["now"] },
): Promise<Finding[]> {
  const { alias, algorithms } = row;
  try {
    const { keys } = await readIssuerKeys({ algorithms, jwks: locateKeySet(row, effects) });
    const has = new Set(keys.entries.map(({ alg }) => alg));
    const unused = keys.dropped.length === 0 ? "" : `; not used: ${describeDropped(keys.dropped)}`;
    return [
      ok(`${alias} has keys for ${[...has].join(", ")}${unused}`),
      ...algorithms.filter((alg) => !has.has(alg)).map((alg) =>
        warn(
          `${alias} has no key for ${alg}`,
          `take ${alg} out of algorithms, unless a key follows`,
        )
      ),
    ];
  } catch (error) {
    const reason = error instanceof Error ? error.message : "its keys cannot be read";
    return [fail(
      `${alias}: ${reason}`,
      "check its iss, discovery and jwks in ISSUERS, and that this machine reaches it",
    )];
  }
}
