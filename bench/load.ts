/** Closed-loop load over keep-alive connections: each sends, reads the complete response, sends again. */
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly requests: number;
  /** The bytes of the n-th request. */
  readonly request: (n: number) => Uint8Array;
}

export interface LoadResult {
  readonly seconds: number;
  /** Statuses and how often each was seen. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Latencies in milliseconds, sorted. */
  readonly latencies: Float64Array;
}

const decoder = new TextDecoder();
const buffered = 65_536;

export async function load(
  { port, connections, requests, request }: LoadOptions,
): Promise<LoadResult> {
  const latencies = new Float64Array(requests);
  const statuses: Record<string, number> = {};
  let next = 0;
  const startedAt = performance.now();
  const work = async (): Promise<void> => {
    using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
    const buffer = new Uint8Array(buffered);
    while (next < requests) {
      const n = next++;
      const sentAt = performance.now();
      await writeAll(connection, request(n));
      const status = await readResponse(connection, buffer);
      latencies[n] = performance.now() - sentAt;
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  return { seconds: (performance.now() - startedAt) / 1000, statuses, latencies: latencies.sort() };
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Reads one response with a declared length, and returns its status. */
async function readResponse(connection: Deno.Conn, buffer: Uint8Array): Promise<string> {
  let length = 0;
  for (;;) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null) throw new Error("Connection was closed in the middle of a response");
    length += count;
    const text = decoder.decode(buffer.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) continue;
    const [, size] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
    if (size === undefined) throw new Error("Response has no declared length");
    if (length >= end + 4 + Number(size)) return text.slice(9, 12);
  }
}
