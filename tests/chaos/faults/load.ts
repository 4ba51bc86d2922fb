/** The result of one request. */
export interface Received {
  /** 0 without a response. */
  readonly status: number;
  /** The problem code of a failure. */
  readonly code: string | undefined;
  /** The subject in the response, where it has one. */
  readonly sub: string | undefined;
  /** The `source` of the response, which may not be live. */
  readonly source?: string | undefined;
  /** The kind of fallback, by the header `X-Fallback`. */
  readonly fallback?: string | undefined;
  /** Whether a refusal has Retry-After. */
  readonly hasRetryAfter?: boolean;
  readonly ms: number;
}

/** The results of many requests. */
export interface Tally {
  readonly responses: readonly (Received & { readonly caller: string; readonly atMs: number })[];
  /** Responses by `status code`. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Responses with another user's data. */
  readonly wrongIdentity: number;
}

/** Sends a request and reads its response to the end, in the envelope or not. */
export async function request(url: string, init: RequestInit = {}): Promise<Received> {
  const startedAt = performance.now();
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(15_000),
      redirect: "manual",
      ...init,
    });
    const text = await response.text();
    const ms = performance.now() - startedAt;
    const { headers, status } = response;
    const fallback = headers.get("x-fallback")?.replace(/age=\d+/, "age=n") ?? undefined;
    return { status, ...readForm(text), fallback, hasRetryAfter: headers.has("retry-after"), ms };
  } catch {
    return { status: 0, code: undefined, sub: undefined, ms: performance.now() - startedAt };
  }
}

/** A profile belongs to the user of its id; other resources have ids, too. */
function ofProfile(data: { id?: string; name?: unknown; email?: unknown } | undefined) {
  return data?.name === undefined ? undefined : data.id;
}

function readForm(text: string): Pick<Received, "code" | "sub" | "source"> {
  try {
    const { error, data } = JSON.parse(text);
    return { code: error?.code, sub: data?.sub ?? ofProfile(data), source: data?.source };
  } catch {
    return { code: undefined, sub: undefined };
  }
}

/** Sends at a steady rate, independent of earlier requests, until `during` ends. */
export async function drive(
  { perSecond, send, during }: {
    readonly perSecond: number;
    /** The next request and its caller. */
    readonly send: (
      at: number,
    ) => { readonly caller: string; readonly response: Promise<Received> };
    readonly during: () => Promise<void>;
  },
): Promise<Tally> {
  const startedAt = performance.now();
  const responses: Promise<Tally["responses"][number]>[] = [];
  let at = 0;
  const timer = setInterval(() => {
    // A late timer catches up; otherwise a busy machine would send less.
    const due = Math.floor((performance.now() - startedAt) * perSecond / 1000);
    for (; at < due; at++) {
      const { caller, response } = send(at);
      const atMs = performance.now() - startedAt;
      responses.push(response.then((one) => ({ ...one, caller, atMs })));
    }
  }, 5);
  await during();
  clearInterval(timer);
  return tally(await Promise.all(responses));
}

function tally(responses: Tally["responses"]): Tally {
  const kinds: Record<string, number> = {};
  for (const { status, code } of responses) {
    const kind = code === undefined ? String(status) : `${status} ${code}`;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  const wrongIdentity = responses.filter(({ sub, caller }) => sub !== undefined && sub !== caller);
  return { responses, kinds, wrongIdentity: wrongIdentity.length };
}

/** The value that this percentage does not exceed; 0 for an empty list. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * percent / 100))] ?? 0;
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
