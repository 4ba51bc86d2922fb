/** A third-party service behind the gateway, controlled by the path. */
export interface Upstream extends AsyncDisposable {
  readonly addr: Deno.NetAddr;
  /** Number of requests by path. */
  readonly hits: ReadonlyMap<string, number>;
  /** Requests that were aborted while they were served. */
  aborted(): number;
  /** What `/half` does: every second request fails, or none. */
  setFailing(isFailing: boolean): void;
}

const chunk = new Uint8Array(65_536);
const json = { "content-type": "application/json" };

/** Serves `/echo/…`; responses carry the subject of the received Passport. */
export function startUpstream(): Upstream {
  const hits = new Map<string, number>();
  let aborted = 0;
  let isFailing = false;
  let served = 0;

  const handlers: Readonly<
    Record<string, (request: Request, url: URL) => Response | Promise<Response>>
  > = {
    ok: (request) => Response.json({ sub: readSubject(request) }),
    half: (request) =>
      isFailing && served++ % 2 === 0
        ? Response.json({ detail: "no" }, { status: 503 })
        : Response.json({ sub: readSubject(request) }),
    async slow(request, url) {
      request.signal.addEventListener("abort", () => aborted++, { once: true });
      await new Promise((resolve) => setTimeout(resolve, Number(url.searchParams.get("ms"))));
      return Response.json({ sub: readSubject(request) });
    },
    empty: () => new Response("", { headers: json }),
    garbage: () => new Response('{"sub":', { headers: json }),
    // A page of many items: wrapping it costs the gateway processor time.
    page: (request) => pageOf(readSubject(request)),
    redirect: (_request, url) => Response.redirect(url.searchParams.get("to") ?? "", 302),
    big: (_request, url) => new Response(manyBytes(Number(url.searchParams.get("bytes")))),
    ticks: (request, url) => {
      request.signal.addEventListener("abort", () => aborted++, { once: true });
      return ticking(Number(url.searchParams.get("ms")));
    },
    upload: async (request) => {
      let bytes = 0;
      for await (const part of request.body ?? []) bytes += part.length;
      return Response.json({ bytes, sub: readSubject(request) });
    },
  };

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const url = new URL(request.url);
    const name = url.pathname.split("/").at(-1) ?? "";
    hits.set(name, (hits.get(name) ?? 0) + 1);
    return handlers[name]?.(request, url) ?? new Response(null, { status: 404 });
  });
  return {
    addr: server.addr,
    hits,
    aborted: () => aborted,
    setFailing: (next) => void (isFailing = next),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Unverified: it is only compared with the caller, to find a response with another user's data. */
function readSubject(request: Request): string {
  const [, payload = ""] = (request.headers.get("x-passport") ?? "").split(".");
  if (payload === "") return "none";
  const text = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
  return String(JSON.parse(text).sub);
}

/** Many small items, up to the size that the gateway parses as a whole. */
const items = JSON.stringify(Array.from({ length: 10_000 }, (_, at) => [at % 100]));

function pageOf(sub: string): Response {
  return new Response(`{"sub":${JSON.stringify(sub)},"items":${items}}`, { headers: json });
}

function manyBytes(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(chunk.subarray(0, Math.min(left, chunk.length)));
      left -= chunk.length;
    },
  }, { highWaterMark: 1 });
}

function ticking(everyMs: number): Response {
  let timer: ReturnType<typeof setInterval>;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode("data: first\n\n"));
      timer = setInterval(() => controller.enqueue(encoder.encode("data: tick\n\n")), everyMs);
    },
    cancel: () => clearInterval(timer),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
