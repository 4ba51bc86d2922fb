import { configurationKeys, revocationKeys, type RevocationLevel } from "@edgepass/shared/redis";

/** How the endpoint behaves; every entry but the first is a fault. */
const manners = {
  "responds": (replies) => Response.json(replies),
  "responds with an empty list": () => Response.json([]),
  "responds with one reply too many": (replies) => Response.json([...replies, { result: null }]),
  "responds with too few values": () => Response.json([{ result: [null, null] }]),
  "responds with numbers": () => Response.json([{ result: ["1", 1, 2, 3, 4] }]),
  "responds with null for the list": () => Response.json([{ result: null }]),
  "responds with a text for the list": () => Response.json([{ result: "OK" }]),
  "responds with an object": () => Response.json({ result: "OK" }),
  "responds with no result": () => Response.json([{}]),
  "responds with an error per command": () => Response.json([{ error: "ERR something" }]),
  "responds with JSON null": () => Response.json(null),
  "responds with garbage": () => new Response("\u0000\u0001garbage"),
  "responds with HTML": () =>
    new Response("<html><h1>Welcome</h1></html>", { headers: { "content-type": "text/html" } }),
  "responds with nothing": () => new Response(""),
  "responds with truncated JSON": (replies) => new Response(JSON.stringify(replies).slice(0, -3)),
  "responds with 400": () => Response.json({ error: "ERR wrong" }, { status: 400 }),
  "responds with 401": () => Response.json({ error: "Unauthorized" }, { status: 401 }),
  "responds with 429": () => Response.json({ error: "Too Many Requests" }, { status: 429 }),
  "responds with 500": () => new Response("oops", { status: 500 }),
  "responds with a redirect": () =>
    new Response(null, { status: 302, headers: { location: "/fine" } }),
} as const satisfies Record<string, (replies: readonly unknown[]) => Response>;

export type Manner = keyof typeof manners;

/** Every reply that must not be taken for "not revoked". */
export const faultyManners = (Object.keys(manners) as Manner[]).filter((it) => it !== "responds");

/** A Redis REST endpoint whose replies a test scripts. */
export interface ScriptedRedis extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** The values of the keys; `emptied` by `clear`. */
  readonly values: Map<string, string>;
  /** Commands of every round trip so far, without those that only read the configuration. */
  readonly roundTrips: (readonly string[])[][];
  /** How often the configuration document was read. */
  documentReads(): number;
  /** How often the configuration version alone was read. */
  versionReads(): number;
  /** Publishes a version of the central configuration. */
  configure(version: number, document: unknown): void;
  behave(manner: Manner): void;
  /** Withholds replies until the returned function is called. */
  hold(): () => void;
  /** Sends half of a reply and then nothing more, until the returned function is called. */
  dribble(): () => void;
  revoke(level: RevocationLevel, id: string, alias?: string, value?: string): void;
  /** Resets to a complete, empty list and valid replies. */
  reset(): void;
}

/** Starts the endpoint on loopback. */
export function startScriptedRedis(): ScriptedRedis {
  const values = new Map<string, string>([[revocationKeys.ready, "1"]]);
  const roundTrips: (readonly string[])[][] = [];
  let manner: Manner = "responds";
  let documentReads = 0;
  let versionReads = 0;
  let held: Promise<void> = Promise.resolve();
  let dribbled: Promise<void> | undefined;
  const token = crypto.randomUUID();

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.headers.get("authorization") !== `Bearer ${token}`) {
      return Response.json({ error: "Unauthorized" }, { status: 401 });
    }
    if (request.method !== "POST") return new Response("Nothing here", { status: 404 });
    const commands: string[][] = await request.json();
    if (!commands.every(isOfConfiguration)) roundTrips.push(commands);
    if (commands.flat().includes(configurationKeys.document)) documentReads++;
    if (commands.every(isOfVersion)) versionReads++;
    await held;
    const replies = commands.map(([name = "", ...keys]) => {
      const found = keys.map((key) => values.get(key) ?? null);
      if (name.toLowerCase() === "mget") return { result: found };
      if (name.toLowerCase() === "get") return { result: found[0] };
      // Without a count from Redis the gateway counts locally.
      if (name.toLowerCase() === "eval") return { result: [] };
      return { error: `ERR unknown command ${name}` };
    });
    if (dribbled) return dribble(JSON.stringify(replies), dribbled);
    return manners[manner](replies);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    token,
    values,
    roundTrips,
    documentReads: () => documentReads,
    versionReads: () => versionReads,
    configure(version, document) {
      values.set(configurationKeys.version, String(version));
      values.set(configurationKeys.document, JSON.stringify({ version, document }));
    },
    behave: (next) => manner = next,
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    dribble() {
      const { promise, resolve } = Promise.withResolvers<void>();
      dribbled = promise;
      return resolve;
    },
    revoke(level, id, alias, value = "1") {
      values.set(revocationKeys.of(level, id, alias), value);
    },
    reset() {
      values.clear();
      values.set(revocationKeys.ready, "1");
      roundTrips.length = 0;
      documentReads = 0;
      versionReads = 0;
      manner = "responds";
      held = Promise.resolve();
      dribbled = undefined;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A new instance reads its version and document, and so does one that observed a newer version. */
function isOfConfiguration([name = "", key]: readonly string[]): boolean {
  return name.toLowerCase() === "get" && Object.values<unknown>(configurationKeys).includes(key);
}

function isOfVersion([name = "", key]: readonly string[]): boolean {
  return name.toLowerCase() === "get" && key === configurationKeys.version;
}

function dribble(text: string, end: Promise<void>): Response {
  const encoder = new TextEncoder();
  const half = text.length >> 1;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(encoder.encode(text.slice(0, half)));
      await end;
      try {
        controller.enqueue(encoder.encode(text.slice(half)));
        controller.close();
      } catch {
        // The client has closed the connection, which the test waits for.
      }
    },
  });
  return new Response(body);
}
