import { digest, importSecret, signJws } from "@edgepass/shared/crypto";

/** Settings under which events are published and consumed. */
export const eventBindings = {
  PUBLIC_ORIGIN: "https://school.test",
  QSTASH_URL: "http://qstash.test",
  QSTASH_TOKEN: "qstash-token",
  QSTASH_CURRENT_SIGNING_KEY: "sig_current0000000000000000000000000",
  QSTASH_NEXT_SIGNING_KEY: "sig_next0000000000000000000000000000",
} as const;

/** Members of a delivery's signature that differ from QStash's. */
export interface SignatureOverrides {
  readonly key?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Epoch milliseconds. */
  readonly now?: number;
}

/** The value of `Upstash-Signature` for a body sent to a URL. */
export async function signDelivery(
  url: string,
  body: string,
  { key = eventBindings.QSTASH_CURRENT_SIGNING_KEY, claims = {}, now = Date.now() }:
    SignatureOverrides = {},
): Promise<string> {
  const iat = Math.floor(now / 1000);
  const secret = new TextEncoder().encode(key);
  const payload = {
    iss: "Upstash",
    sub: url,
    exp: iat + 300,
    nbf: iat,
    iat,
    jti: `jwt_${crypto.randomUUID()}`,
    // With padding, as QStash does it.
    body: `${await digest(body)}=`,
    ...claims,
  };
  return await signJws(payload, { typ: "JWT", key: await importSecret({ kid: "qstash", secret }) });
}

/** A message as it was published. */
export interface PublishedMessage {
  readonly destination: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a fake QStash responds to a call; undefined accepts the messages. */
export type QstashFault = (
  messages: readonly PublishedMessage[],
  signal: AbortSignal,
) => Response | Promise<Response | undefined> | undefined;

/** A QStash that accepts batches, delivers nothing by itself, and so has no dead letters. */
export function createFakeQstash() {
  const messages: PublishedMessage[] = [];
  const calls: number[] = [];
  const state: { fault: QstashFault | undefined } = { fault: undefined };
  return {
    /** The accepted messages, call after call. */
    messages,
    /** Number of messages in each call, refused calls included. */
    calls,
    /** Replaces the responses to calls. */
    fail(fault?: QstashFault): void {
      state.fault = fault;
    },
    async fetch(input: Request | string, init?: RequestInit): Promise<Response> {
      const request = new Request(input, init);
      if (request.method === "GET") return Response.json({ messages: [] });
      const given: PublishedMessage[] = await request.json();
      calls.push(given.length);
      const refusal = await state.fault?.(given, request.signal);
      if (refusal) return refusal;
      messages.push(...given);
      return Response.json(given.map(() => ({ messageId: `msg_${crypto.randomUUID()}` })));
    },
  };
}

export type FakeQstash = ReturnType<typeof createFakeQstash>;
