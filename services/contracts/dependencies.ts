import {
  createPolicies,
  type Policies,
  type PolicyPatch,
  redisPolicy,
} from "@edgepass/shared/resilience";
import { serviceNames } from "./generated/services.ts";

/**
 * The call policy of each dependency of the product, for all of its callers; omitted fields are the
 * defaults of `shared/resilience`. Reasons are in docs/resilience.md.
 */
export const dependencies: Readonly<Record<string, PolicyPatch>> = {
  ...Object.fromEntries(serviceNames.map((name) => [name, {}])),
  // A third party, and there is always a default list to suggest instead.
  recommender: { timeoutMs: 800, maxConcurrent: 64, breaker: { slowCallMs: 500 } },
  redis: redisPolicy,
};

/** The policies of the table. */
export const dependencyPolicies: Policies = createPolicies(dependencies);
