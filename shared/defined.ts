/** The same members, none of them undefined. */
export type Defined<T> = { [Name in keyof T]: Exclude<T[Name], undefined> };

/**
 * Drops members that are undefined: `exactOptionalPropertyTypes` treats them differently from
 * absent ones.
 */
export function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as Defined<T>;
}
