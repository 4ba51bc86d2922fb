import { connect, type Socket } from "node:net";

/** The result of a request on a keep-alive connection. */
export interface RawResponse {
  /** 0 without a response. */
  readonly status: number;
  readonly headers: string;
  readonly body: Uint8Array;
}

/** A connection of one client, which sends one request after the other. */
export interface Connection {
  /** Sends a request; the previous response must have arrived. */
  get(path: string, token?: string): Promise<RawResponse>;
  close(): void;
}

const none: RawResponse = { status: 0, headers: "", body: new Uint8Array() };
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Opens a cheap connection, so that thousands of them, or an overload, leave the machine to the
 * gateway. It reads only responses with a Content-Length.
 */
export function openConnection(
  { hostname, port, timeoutMs = 15_000 }: {
    readonly hostname: string;
    readonly port: number;
    readonly timeoutMs?: number;
  },
): Connection {
  let socket: Socket | undefined;
  let settle: ((response: RawResponse) => void) | undefined;
  let received = createReceiver();

  function finish(response: RawResponse): void {
    const waiting = settle;
    settle = undefined;
    received = createReceiver();
    waiting?.(response);
  }

  function open(): Socket {
    const opened = connect({ host: hostname, port, noDelay: true });
    const end = (): void => {
      opened.destroy();
      if (socket !== opened) return;
      socket = undefined;
      finish(none);
    };
    opened.on("data", (part) => {
      const response = received.take(typeof part === "string" ? encoder.encode(part) : part);
      if (!response) return;
      if (/^connection: close\r?$/im.test(response.headers)) {
        socket = undefined;
        opened.destroy();
      }
      finish(response);
    });
    for (const event of ["error", "close", "end", "timeout"]) opened.on(event, end);
    opened.setTimeout(timeoutMs);
    return opened;
  }

  return {
    get(path, token) {
      socket ??= open();
      const { promise, resolve } = Promise.withResolvers<RawResponse>();
      settle = resolve;
      const authorization = token === undefined ? "" : `authorization: Bearer ${token}\r\n`;
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${authorization}\r\n`);
      return promise;
    },
    close() {
      socket?.destroy();
      socket = undefined;
    },
  };
}

/** Assembles the parts of one response. */
function createReceiver() {
  let bytes = new Uint8Array();
  let head: { headers: string; from: number; length: number } | undefined;
  return {
    take(part: Uint8Array): RawResponse | undefined {
      bytes = bytes.length === 0 ? part.slice() : concat(bytes, part);
      head ??= readHead(bytes);
      if (!head || bytes.length < head.from + head.length) return undefined;
      const { headers, from, length } = head;
      const status = Number(headers.slice(9, 12));
      return { status, headers, body: bytes.subarray(from, from + length) };
    },
  };
}

function readHead(bytes: Uint8Array) {
  const text = decoder.decode(bytes.subarray(0, 4_096));
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const headers = text.slice(0, end);
  // Our headers are ASCII.
  return { headers, from: end + 4, length: Number(/^content-length: (\d+)/im.exec(headers)?.[1]) };
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}
