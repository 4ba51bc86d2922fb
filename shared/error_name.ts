/**
 * Identifies an error by its name: its class may come from another copy of the module. Then
 * `instanceof` would fail, and an expected failure would be handled as an unknown one.
 */
export function isErrorNamed(value: unknown, name: string): value is Error {
  return value instanceof Error && value.name === name;
}
