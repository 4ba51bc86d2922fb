/** A value that the writer of the store put into a column as JSON: it has the shape it had then. */
export function readKept<Value>(json: string): Value {
  return JSON.parse(json);
}
