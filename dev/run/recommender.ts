import * as z from "zod/mini";

/** A recommender for development: an external system, simulated by dev. */
export interface DevRecommender {
  /** Serves `POST /v1/recommendations`, and `GET`, `PUT` and `DELETE /faults`. */
  readonly handler: (request: Request) => Promise<Response>;
  /** Ends hanging requests, so that a server can shut down. */
  close(): void;
}

const Question = z.object({
  person: z.string().check(z.minLength(1), z.maxLength(128)),
  known: z.array(z.string().check(z.maxLength(64))).check(z.maxLength(1_000)),
  limit: z.int().check(z.gte(1), z.lte(1_000)),
});

/** Makes a recommender with its faults in memory; a new one has none. */
export function createRecommender(): DevRecommender {
  const closing = new AbortController();
  let faults = noFaults;

  async function setFaults(request: Request): Promise<Response> {
    if (request.method === "PUT") {
      const read = readFaults(await request.json().catch(() => undefined));
      if (typeof read === "string") return Response.json({ error: read }, { status: 422 });
      faults = read;
    } else if (request.method === "DELETE") faults = noFaults;
    else if (request.method !== "GET") return notAllowed("GET, PUT, DELETE");
    return Response.json(faults);
  }

  return {
    async handler(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/faults") return await setFaults(request);
      if (pathname !== "/v1/recommendations") return Response.json({}, { status: 404 });
      if (request.method !== "POST") return notAllowed("POST");
      const question = Question.safeParse(await request.json().catch(() => undefined));
      const end = AbortSignal.any([request.signal, closing.signal]);
      return await spoil(
        faults,
        end,
        async () =>
          question.success
            ? Response.json({ items: await rank(question.data) })
            : Response.json({ error: "not a question" }, { status: 422 }),
      );
    },
    close: () => closing.abort(),
  };
}

async function spoil(
  { down, latencyMs, status, garbage, hang }: Faults,
  end: AbortSignal,
  respond: () => Promise<Response>,
): Promise<Response> {
  if (latencyMs > 0 || hang) await wait(hang ? undefined : latencyMs, end);
  if (down || end.aborted) return downResponse();
  if (status !== 200) return new Response(null, { status });
  return garbage ? new Response("<!doctype html><title>Welcome</title>") : await respond();
}

/** Waits; without a time, only for the end. */
function wait(ms: number | undefined, end: AbortSignal): Promise<void> {
  if (end.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
  end.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}

/** As a proxy responds in front of a system that is away. */
function downResponse(): Response {
  return new Response(null, { status: 503, headers: { connection: "close" } });
}

/** The same person always gets the same order, and different persons different ones. */
async function rank({ person, known, limit }: z.output<typeof Question>) {
  const scored = await Promise.all(
    known.map(async (courseId) => ({ courseId, score: await digest(`${person} ${courseId}`) })),
  );
  return scored.toSorted((a, b) => a.score < b.score ? -1 : 1).slice(0, limit)
    .map(({ courseId }) => ({ courseId, reason: "Picked for you" }));
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(bytes).toHex();
}

function notAllowed(allow: string): Response {
  return Response.json({}, { status: 405, headers: { allow } });
}

const milliseconds = z.int().check(z.gte(0), z.lte(600_000));
const Faults = z.strictObject({
  down: z._default(z.boolean(), false),
  latencyMs: z._default(milliseconds, 0),
  status: z._default(z.int().check(z.gte(200), z.lte(599)), 200),
  garbage: z._default(z.boolean(), false),
  hang: z._default(z.boolean(), false),
});

/** The faults of the recommender; what is not named works. */
export type Faults = z.output<typeof Faults>;

/** Everything works. */
export const noFaults: Faults = Faults.parse({});

/** Reads the body of `PUT /faults`; a text describes what is invalid. */
export function readFaults(body: unknown): Faults | string {
  const { success, data, error } = Faults.safeParse(body);
  if (success) return data;
  const names = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys : [issue.path.join(".") || "the body"]
  );
  return `Cannot use ${names.join(", ")}; it accepts ${Object.keys(noFaults).join(", ")}`;
}
