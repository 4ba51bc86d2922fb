/**
 * A document with new content between two markers, which stay.
 *
 * @throws {RangeError} if the document does not have each marker once, in their order
 */
export function replaceSection(
  document: string,
  { begin, end }: { readonly begin: string; readonly end: string },
  content: string,
): string {
  const [before, rest] = splitOnce(document, begin);
  const [, after] = splitOnce(rest, end);
  return `${before}${begin}\n\n${content}\n\n${end}${after}`;
}

function splitOnce(text: string, marker: string): [string, string] {
  const [before = "", after, ...more] = text.split(marker);
  if (after === undefined || more.length > 0) {
    throw new RangeError(`Cannot write: the document does not have ${marker} once`);
  }
  return [before, after];
}
