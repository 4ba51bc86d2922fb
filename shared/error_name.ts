/**
 * Tells an error by its name: its class may come from another copy of the module, and `instanceof`
 * would then take a known failure for an unforeseen one.
 */
export function isErrorNamed(value: unknown, name: string): value is Error {
  return value instanceof Error && value.name === name;
}
