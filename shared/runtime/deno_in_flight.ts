/** Notes which requests are under way, for whoever asks after a sudden end what was going on. */
export interface InFlight {
  /** Notes a request; the answer notes its end. */
  begin(request: Request): () => void;
}

/** A file without requests under way is emptied beyond this size. */
const maxBytes = 65_536;

/**
 * Notes requests in a file, synchronously, so that the note outlives the process that is killed.
 *
 * For development: each request costs two writes. Lines are `{"b":n,"m":method,"p":path,"t":ms}` at
 * its begin and `{"e":n}` at its end; a query is not noted, since it can carry anything. On a full
 * disk requests go on without notes.
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
      // Thrown on, it would be the answer of a request that could have been served.
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
