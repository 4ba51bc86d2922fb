/** What came of one request. */
export interface Answered {
  /** 0 when no answer came. */
  readonly status: number;
  /** The failure's code, where there is one. */
  readonly code: string | undefined;
  /** Whose answer it was, where it says so. */
  readonly sub: string | undefined;
  /** Where an answer says that it comes from, which may be no live one. */
  readonly source?: string | undefined;
  /** What stands in for a live answer, by its header. */
  readonly fallback?: string | undefined;
  /** Whether a refusal says when to come again. */
  readonly isTold?: boolean;
  readonly ms: number;
}

/** What came of many. */
export interface Tally {
  readonly answers: readonly (Answered & { readonly asked: string; readonly atMs: number })[];
  /** Answers by `status code`. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Answers that were somebody else's. */
  readonly wrongIdentity: number;
}

/** Sends a request and reads its answer to the end, in the gateway's form or not. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answered> {
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
    return { status, ...readForm(text), fallback, isTold: headers.has("retry-after"), ms };
  } catch {
    return { status: 0, code: undefined, sub: undefined, ms: performance.now() - startedAt };
  }
}

/** A profile says whose it is by its id; other things have ids, too. */
function ofProfile(data: { id?: string; name?: unknown; email?: unknown } | undefined) {
  return data?.name === undefined ? undefined : data.id;
}

function readForm(text: string): Pick<Answered, "code" | "sub" | "source"> {
  try {
    const { error, data } = JSON.parse(text);
    return { code: error?.code, sub: data?.sub ?? ofProfile(data), source: data?.source };
  } catch {
    return { code: undefined, sub: undefined };
  }
}

/** Asks at a steady rate, whatever becomes of the requests before, until `during` is over. */
export async function drive(
  { perSecond, send, during }: {
    readonly perSecond: number;
    /** The request that comes next, and whose it is. */
    readonly send: (at: number) => { readonly asked: string; readonly answer: Promise<Answered> };
    readonly during: () => Promise<void>;
  },
): Promise<Tally> {
  const startedAt = performance.now();
  const answers: Promise<Tally["answers"][number]>[] = [];
  let at = 0;
  const timer = setInterval(() => {
    // A timer that was late catches up, or a busy machine would ask less.
    const due = Math.floor((performance.now() - startedAt) * perSecond / 1000);
    for (; at < due; at++) {
      const { asked, answer } = send(at);
      const atMs = performance.now() - startedAt;
      answers.push(answer.then((one) => ({ ...one, asked, atMs })));
    }
  }, 5);
  await during();
  clearInterval(timer);
  return tally(await Promise.all(answers));
}

function tally(answers: Tally["answers"]): Tally {
  const kinds: Record<string, number> = {};
  for (const { status, code } of answers) {
    const kind = code === undefined ? String(status) : `${status} ${code}`;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  const wrongIdentity = answers.filter(({ sub, asked }) => sub !== undefined && sub !== asked);
  return { answers, kinds, wrongIdentity: wrongIdentity.length };
}

/** The value that so many percent do not exceed; 0 of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * percent / 100))] ?? 0;
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
