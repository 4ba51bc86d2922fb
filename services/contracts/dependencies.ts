import {
  createPolicies,
  type Policies,
  type PolicyPatch,
  redisPolicy,
} from "@edgepass/shared/resilience";

/**
 * How each dependency of the product is called, whoever calls it; what a row leaves out is the
 * default of `shared/resilience`. Reasons are in docs/resilience.md.
 */
export const dependencies = {
  auth: {},
  user: {},
  course: {},
  enrollment: {},
  recommendation: {},
  // Somebody else's, and there is always something else to suggest.
  recommender: { timeoutMs: 800, maxConcurrent: 64, breaker: { slowCallMs: 500 } },
  redis: redisPolicy,
} as const satisfies Readonly<Record<string, PolicyPatch>>;

/** Names of the product's dependencies. */
export type DependencyName = keyof typeof dependencies;

/** The policies of the table. */
export const dependencyPolicies: Policies = createPolicies(dependencies);
