/** Records the requests in flight, so that they can be read after a crash. */
export interface InFlight {
  /** Records a request; calling the result records its end. */
  begin(request: Request): () => void;
}

/** A file without requests under way is emptied beyond this size. */
const maxBytes = 65_536;

/**
 * Records requests in a file, synchronously, so that the record survives a killed process.
 *
 * For development: each request costs two writes. Lines are `{"b":n,"m":method,"p":path,"t":ms}` at
 * its begin and `{"e":n}` at its end; a query is not recorded, since it may hold secrets. On a full
 * disk requests go on without records.
 */
export function noteInFlight(path: string, now: () => number = Date.now): InFlight {
  const file = Deno.openSync(path, { create: true, write: true, truncate: true, mode: 0o600 });
  const encoder = new TextEncoder();
  let began = 0;
  let underWay = 0;
  let written = 0;
  const write = (line: object): void => {
    try {
      written += file.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));
    } catch {
      // If thrown, a request that could have been served would fail.
    }
  };
  return {
    begin({ method, url }) {
      const b = ++began;
      underWay++;
      write({ b, m: method, p: new URL(url).pathname, t: now() });
      return () => {
        underWay--;
        write({ e: b });
        if (underWay > 0 || written < maxBytes) return;
        file.truncateSync();
        file.seekSync(0, Deno.SeekMode.Start);
        written = 0;
      };
    },
  };
}
