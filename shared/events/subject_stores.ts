import type { Orm } from "../sql/orm.ts";
import type { Changes } from "./outbox.ts";

/** Rows in the events database of a service that belong to subjects. */
export interface SubjectStore {
  /** The statements that delete a subject's rows, for the batch that writes its tombstone. */
  deletionOf(db: Orm, subject: string): Changes;
  /** Deletes expired rows; scheduled maintenance calls it. */
  prune(): Promise<void>;
}

/** The statements that delete a subject's rows from all stores. */
export type DeletionOf = SubjectStore["deletionOf"];

/** Creates the list of stores that a subject's deletion covers; stores may register later. */
export function createSubjectStores(): {
  readonly stores: SubjectStore[];
  readonly deletionOf: DeletionOf;
} {
  const stores: SubjectStore[] = [];
  return {
    stores,
    deletionOf: (db, subject) => stores.flatMap((store) => store.deletionOf(db, subject)),
  };
}
