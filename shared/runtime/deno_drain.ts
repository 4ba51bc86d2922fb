/** What a process does that has been told to end, while others still send it requests. */
export interface Drain {
  /** Tells whoever asks that it ends; resolves when they have had time to notice. */
  begin(): Promise<void>;
  /** Serves a request; while it ends, as the last one of its connection. */
  serve(
    request: Request,
    fetch: (request: Request) => Response | Promise<Response>,
  ): Response | Promise<Response>;
}

/**
 * Makes a drain. From its beginning `/readyz` is 503, so that balancers send nobody any more, and
 * every answer closes its connection, so that no client sends the next request into a connection
 * that is about to go.
 */
export function createDrain(delayMs: number): Drain {
  let isDraining = false;

  async function serveLast(
    request: Request,
    fetch: (request: Request) => Response | Promise<Response>,
  ): Promise<Response> {
    const isAskedForReadiness = new URL(request.url).pathname === "/readyz";
    const answer = isAskedForReadiness ? notReady() : await fetch(request);
    const headers = new Headers(answer.headers);
    headers.set("connection", "close");
    const { status, statusText } = answer;
    return new Response(answer.body, { status, statusText, headers });
  }

  return {
    async begin() {
      isDraining = true;
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    },
    serve: (request, fetch) => isDraining ? serveLast(request, fetch) : fetch(request),
  };
}

function notReady(): Response {
  return Response.json({ status: "not ready", checks: { process: "is about to end" } }, {
    status: 503,
    headers: { "cache-control": "no-store", "retry-after": "1" },
  });
}
