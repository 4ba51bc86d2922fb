import type { Workspace } from "../workspace/workspace.ts";
import { readOrCreateText } from "../workspace/state_file.ts";
import { serveOnReservedPort } from "./reserved_port.ts";
import { makeSecret } from "@edgepass/shared/crypto";
import {
  type FaultOptions,
  type LogNote,
  openQstash,
  type Qstash,
  type SigningKeys,
} from "@edgepass/local/qstash";
import type { Settings } from "../workspace/settings.ts";
import { StartError } from "../workspace/start_error.ts";

/** A QStash and how to reach it. */
export interface QstashEndpoint {
  readonly url: string;
  readonly token: string;
  readonly keys: SigningKeys;
  close(): Promise<void>;
}

export interface QstashEndpointOptions {
  /** Where the local QStash stores its messages, inside the workspace. */
  readonly file: string;
  readonly faults?: FaultOptions;
  /** How messages are delivered. */
  readonly fetch?: typeof fetch;
  /** Receives what happens to messages of the local QStash; a given QStash reports nothing. */
  readonly onNote?: (note: LogNote) => void;
  readonly onError: (cause: unknown) => void;
}

type QstashSettings = Pick<
  Settings,
  "QSTASH_URL" | "QSTASH_TOKEN" | "QSTASH_CURRENT_SIGNING_KEY" | "QSTASH_NEXT_SIGNING_KEY"
>;

/**
 * The QStash of the settings: the given one untouched, or one served by this process on loopback.
 * Its port and its token stay the same as long as the port is free; its signing keys are those of
 * its file, which the settings' keys are only for a file that has none.
 *
 * @throws {StartError} when its data cannot be opened
 */
export async function openQstashEndpoint(
  workspace: Workspace,
  settings: QstashSettings,
  options: QstashEndpointOptions,
): Promise<QstashEndpoint> {
  const { QSTASH_URL: url, QSTASH_TOKEN: token } = settings;
  const { QSTASH_CURRENT_SIGNING_KEY: current, QSTASH_NEXT_SIGNING_KEY: next } = settings;
  if (url !== "") return { url, token, keys: { current, next }, close: () => Promise.resolve() };
  return await serveQstash(workspace, settings, options);
}

async function serveQstash(
  workspace: Workspace,
  settings: QstashSettings,
  { file, faults, fetch, onNote, onError }: QstashEndpointOptions,
): Promise<QstashEndpoint> {
  const { QSTASH_CURRENT_SIGNING_KEY: current, QSTASH_NEXT_SIGNING_KEY: next } = settings;
  const token = settings.QSTASH_TOKEN ||
    await readOrCreateText(workspace, ["keys", "qstash-token"], makeSecret);
  const qstash = open({
    token,
    path: workspace.at(file),
    ...(current !== "" && next !== "" ? { keys: { current, next } } : {}),
    ...(faults ? { faults } : {}),
    ...(fetch ? { fetch } : {}),
    ...(onNote ? { onNote } : {}),
    onError,
  });
  const { handler } = qstash;
  const server = serveOnReservedPort(workspace.at(`${file}.port`), handler);
  qstash.start();
  return {
    url: server.url,
    token,
    keys: qstash.keys(),
    async close() {
      // First the deliveries and open requests, for which the server would wait.
      await qstash.close();
      await server.close();
      // Only while this process holds the lock of the workspace may the lock file of its data go.
      await Deno.remove(`${workspace.at(file)}.lock`).catch(() => {});
    },
  };
}

function open(options: Parameters<typeof openQstash>[0]): Qstash {
  try {
    return openQstash(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw new StartError(`the local QStash has no data: ${reason}`, { cause });
  }
}
