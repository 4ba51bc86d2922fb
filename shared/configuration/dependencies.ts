import * as z from "zod/mini";
import { policySchema } from "../resilience/policy.ts";

/** Name of an upstream: a service's name, or the host of a URL with its port, if it has one. */
const DependencyName = z.string().check(
  z.maxLength(255),
  z.regex(/^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/, {
    error: "must be a lower-case name, or the host of a URL",
  }),
);

/** Policies of calls, by the dependency's name; omitted members keep their defaults. */
export const Dependencies = z.record(DependencyName, policySchema).check(
  z.meta({
    description: "Policy of the calls to a dependency, by its name or host; what is left out stays",
  }),
);
/** Policies of calls, by the dependency's name. */
export type Dependencies = z.infer<typeof Dependencies>;
