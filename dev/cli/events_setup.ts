import { readArguments } from "@edgepass/shared/runtime/deno";
import { ConfigError } from "@edgepass/shared/configuration";
import { readEventSettings } from "@edgepass/shared/events";
import { createOriginClient } from "../system/api_client.ts";
import { hasFailure, toText } from "./doctor/report.ts";
import { setUpEvents } from "./events_setup_checks.ts";
import { type Ansi, createAnsi } from "../terminal/ansi.ts";
import { readGiven, serviceNames } from "../workspace/settings.ts";
import { findSystem, SystemNotFound } from "../system/system.ts";

const usage = "Usage: deno task events:setup [--wake]";

/** What the command prints, and its exit code. */
export interface SetupOutcome {
  readonly text: string;
  readonly code: number;
}

/**
 * Sets up what events need of QStash and checks that all of it works; it may be repeated.
 *
 * The system is the one of `PUBLIC_ORIGIN` and `QSTASH_TOKEN` in the environment, or this machine's
 * dev.
 */
export async function setUp(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  ansi: Ansi,
): Promise<SetupOutcome> {
  const [flag, ...more] = args;
  if (more.length > 0 || (flag !== undefined && flag !== "--wake")) return { text: usage, code: 2 };
  try {
    const { settings, open } = findSettings(variables);
    const { qstash, publicOrigin } = readEventSettings(settings);
    if (!qstash || publicOrigin === undefined) {
      return { text: "Events are not published: QSTASH_URL and QSTASH_TOKEN are not set", code: 1 };
    }
    using api = disposable(open());
    const findings = await setUpEvents({
      qstash,
      publicOrigin,
      signingKeys: {
        current: settings.QSTASH_CURRENT_SIGNING_KEY,
        next: settings.QSTASH_NEXT_SIGNING_KEY,
      },
      services: serviceNames,
      wake: flag === "--wake",
      call: api.call,
    });
    return { text: toText(findings, ansi), code: hasFailure(findings) ? 1 : 0 };
  } catch (error) {
    if (error instanceof SystemNotFound || error instanceof ConfigError) {
      return { text: error.message, code: 1 };
    }
    throw error;
  }
}

function findSettings(variables: Readonly<Record<string, string>>) {
  const settings = readGiven(variables);
  const { PUBLIC_ORIGIN, QSTASH_TOKEN } = settings;
  if (PUBLIC_ORIGIN === undefined || QSTASH_TOKEN === undefined) return findSystem(variables);
  return { settings, open: () => createOriginClient(PUBLIC_ORIGIN) };
}

function disposable<Client extends { close(): void }>(client: Client): Client & Disposable {
  return { ...client, [Symbol.dispose]: () => client.close() };
}

if (import.meta.main) {
  readArguments({ usage });
  const ansi = createAnsi(Deno.stdout.isTerminal() && !Deno.noColor);
  const { text, code } = await setUp(Deno.args, Deno.env.toObject(), ansi);
  if (code === 0) console.log(text);
  else console.error(text);
  Deno.exit(code);
}
