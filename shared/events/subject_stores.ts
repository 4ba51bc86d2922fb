import type { Orm } from "../sql/orm.ts";
import type { Changes } from "./outbox.ts";

/** Something in the database of a service's events that belongs to subjects. */
export interface SubjectStore {
  /** The statements that delete what belongs to a subject, for the batch that notes its end. */
  deletionOf(db: Orm, subject: string): Changes;
  /** Deletes what is too old; called by each sweep. */
  prune(): Promise<void>;
}

/** The statements that delete what all stores have of a subject. */
export type DeletionOf = SubjectStore["deletionOf"];

/** Keeps the stores that are told of the end of a subject, whoever registers later among them. */
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
