import * as z from "zod/mini";
import { policySchema } from "../resilience/policy.ts";
import { Name } from "./values.ts";

/** Policies of calls, by the name of what is called; what is left out keeps its own. */
export const Dependencies = z.record(Name, policySchema).check(
  z.meta({
    description: "Policy of the calls to a dependency, by its name; what is left out stays",
  }),
);
/** Policies of calls, by the name of what is called. */
export type Dependencies = z.infer<typeof Dependencies>;
