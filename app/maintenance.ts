import type { Application } from "@edgepass/shared/configuration";

/**
 * Runs the maintenance of every application; a failure of one does not stop the others.
 *
 * @throws the error of the one that failed, or an AggregateError of several
 */
export async function maintainEach(
  applications: readonly Pick<Application, "maintain">[],
): Promise<void> {
  const outcomes = await Promise.allSettled(applications.map((one) => one.maintain?.()));
  const failures = outcomes.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "Maintenance of services failed");
}
