/** A line longer than this is cut into several. */
const maxLineLength = 65_536;

/** Passes on the lines of a stream of bytes one by one; the last one may lack its line feed. */
export async function forEachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
    for (; rest.length > maxLineLength; rest = rest.slice(maxLineLength)) {
      onLine(rest.slice(0, maxLineLength));
    }
  }
  if (rest !== "") onLine(rest);
}
