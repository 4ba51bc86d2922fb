import { type Policies, type Policy, toPolicy } from "../resilience/policy.ts";
import type { Dependencies } from "./dependencies.ts";
import type { LiveConfiguration } from "./live.ts";

/** The policies of a table, each with the current changes of the central configuration. */
export function livePolicies<Values extends { readonly dependencies: Dependencies }>(
  { select }: Pick<LiveConfiguration<Values>, "select">,
  table: Policies,
): Policies {
  const changed = select(({ dependencies }): ReadonlyMap<string, Policy> =>
    new Map(
      Object.entries(dependencies).map(([name, patch]) => [name, toPolicy(patch, table(name))]),
    )
  );
  return (dependency) => changed().get(dependency) ?? table(dependency);
}
