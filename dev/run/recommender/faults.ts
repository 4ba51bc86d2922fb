import * as z from "zod/mini";

const milliseconds = z.int().check(z.gte(0), z.lte(600_000));
const Faults = z.strictObject({
  down: z._default(z.boolean(), false),
  latencyMs: z._default(milliseconds, 0),
  status: z._default(z.int().check(z.gte(200), z.lte(599)), 200),
  garbage: z._default(z.boolean(), false),
  hang: z._default(z.boolean(), false),
});

/** The faults of the recommender; what is not named works. */
export type Faults = z.output<typeof Faults>;

/** Everything works. */
export const noFaults: Faults = Faults.parse({});

/** Reads the body of `PUT /faults`; a text describes what is invalid. */
export function readFaults(body: unknown): Faults | string {
  const { success, data, error } = Faults.safeParse(body);
  if (success) return data;
  const names = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys : [issue.path.join(".") || "the body"]
  );
  return `Cannot use ${names.join(", ")}; it takes ${Object.keys(noFaults).join(", ")}`;
}
