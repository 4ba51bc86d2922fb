import {
  createPolicies,
  type Policies,
  type PolicyPatch,
  redisPolicy,
} from "@edgepass/shared/resilience";

/**
 * The call policy of each dependency of the product, for all of its callers; omitted fields are the
 * defaults of `shared/resilience`. Reasons are in docs/resilience.md.
 */
export const dependencies = {
  auth: {},
  user: {},
  course: {},
  enrollment: {},
  recommendation: {},
  // A third party, and there is always a default list to suggest instead.
  recommender: { timeoutMs: 800, maxConcurrent: 64, breaker: { slowCallMs: 500 } },
  redis: redisPolicy,
} as const satisfies Readonly<Record<string, PolicyPatch>>;

/** Names of the product's dependencies. */
export type DependencyName = keyof typeof dependencies;

/** The policies of the table. */
export const dependencyPolicies: Policies = createPolicies(dependencies);
