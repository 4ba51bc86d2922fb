/** The same members, none of them undefined. */
export type Defined<T> = { [Name in keyof T]: Exclude<T[Name], undefined> };

/** Drops members that are undefined, which `exactOptionalPropertyTypes` tells from absent ones. */
export function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as Defined<T>;
}
