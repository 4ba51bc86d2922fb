import { configurationKeys, revocationKeys, type RevocationLevel } from "@edgepass/shared/redis";

/** How the endpoint behaves; every one but the first is a fault. */
const manners = {
  "answers": (replies) => Response.json(replies),
  "answers an empty list": () => Response.json([]),
  "answers one reply too many": (replies) => Response.json([...replies, { result: null }]),
  "answers too few values": () => Response.json([{ result: [null, null] }]),
  "answers numbers": () => Response.json([{ result: ["1", 1, 2, 3, 4] }]),
  "answers null for the list": () => Response.json([{ result: null }]),
  "answers a text for the list": () => Response.json([{ result: "OK" }]),
  "answers an object": () => Response.json({ result: "OK" }),
  "answers no result": () => Response.json([{}]),
  "answers an error per command": () => Response.json([{ error: "ERR something" }]),
  "answers JSON null": () => Response.json(null),
  "answers garbage": () => new Response("\u0000\u0001garbage"),
  "answers HTML": () =>
    new Response("<html><h1>Welcome</h1></html>", { headers: { "content-type": "text/html" } }),
  "answers nothing": () => new Response(""),
  "answers truncated JSON": (replies) => new Response(JSON.stringify(replies).slice(0, -3)),
  "answers 400": () => Response.json({ error: "ERR wrong" }, { status: 400 }),
  "answers 401": () => Response.json({ error: "Unauthorized" }, { status: 401 }),
  "answers 429": () => Response.json({ error: "Too Many Requests" }, { status: 429 }),
  "answers 500": () => new Response("oops", { status: 500 }),
  "answers a redirect": () => new Response(null, { status: 302, headers: { location: "/fine" } }),
} as const satisfies Record<string, (replies: readonly unknown[]) => Response>;

export type Manner = keyof typeof manners;

/** Every way to answer that must not pass for "not revoked". */
export const faultyManners = (Object.keys(manners) as Manner[]).filter((it) => it !== "answers");

/** A Redis REST endpoint that does what a test says. */
export interface ScriptedRedis extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** What the keys hold; `emptied` by `clear`. */
  readonly values: Map<string, string>;
  /** Commands of every round trip so far, but those that ask for the configuration alone. */
  readonly roundTrips: (readonly string[])[][];
  /** How often the document of the configuration was asked for. */
  documentsAsked(): number;
  /** How often the version of the configuration was asked for, and nothing else. */
  versionsAsked(): number;
  /** Puts a version of the central configuration in force. */
  configure(version: number, document: unknown): void;
  behave(manner: Manner): void;
  /** Keeps replies back until the returned function is called. */
  hold(): () => void;
  /** Sends half of a reply and then nothing more, until the returned function is called. */
  dribble(): () => void;
  revoke(level: RevocationLevel, id: string, alias?: string, value?: string): void;
  /** Back to a complete, empty list and plain answers. */
  reset(): void;
}

/** Starts the endpoint on loopback. */
export function startScriptedRedis(): ScriptedRedis {
  const values = new Map<string, string>([[revocationKeys.ready, "1"]]);
  const roundTrips: (readonly string[])[][] = [];
  let manner: Manner = "answers";
  let documentsAsked = 0;
  let versionsAsked = 0;
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
    if (commands.flat().includes(configurationKeys.document)) documentsAsked++;
    if (commands.every(isOfVersion)) versionsAsked++;
    await held;
    const replies = commands.map(([name = "", ...keys]) => {
      const found = keys.map((key) => values.get(key) ?? null);
      if (name.toLowerCase() === "mget") return { result: found };
      if (name.toLowerCase() === "get") return { result: found[0] };
      // Of a Redis that counts nothing the gateway counts by itself.
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
    documentsAsked: () => documentsAsked,
    versionsAsked: () => versionsAsked,
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
      documentsAsked = 0;
      versionsAsked = 0;
      manner = "answers";
      held = Promise.resolve();
      dribbled = undefined;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** An instance asks for its version and document when it is new, or learns that there are newer ones. */
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
        // The reader has left, which is what the test waits for.
      }
    },
  });
  return new Response(body);
}
