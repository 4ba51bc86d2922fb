import { readArguments } from "@edgepass/shared/runtime/deno";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { explainTrace } from "./explain_trace.ts";
import {
  findTraceIds,
  openForReading,
  type OutboxFile,
  readDetail,
  storeFile,
} from "../collector/mod.ts";
import { type Ansi, createAnsi } from "../terminal/ansi.ts";
import { projectRoot } from "../run/processes.ts";

const usage = "Usage: deno task explain <traceId>, or the beginning of one";
const maxNamed = 4;

/** What the command prints, and its exit code. */
export interface Explanation {
  readonly text: string;
  readonly code: number;
}

/**
 * Explains the trace of an id, or of the beginning of one, from the store of a workspace.
 *
 * It reads only, so it works beside a running dev and without one.
 */
export function explain(args: readonly string[], workspace: string, ansi: Ansi): Explanation {
  const prefix = readPrefix(args);
  if (prefix === undefined) return { text: usage, code: 2 };
  const path = join(workspace, "observe", storeFile);
  try {
    using db = openForReading(path);
    const [traceId, ...others] = findTraceIds(db, prefix, maxNamed + 1);
    const detail = traceId === undefined
      ? undefined
      : readDetail(db, traceId, readOutboxFiles(workspace));
    if (traceId === undefined || !detail) {
      return { text: `No trace begins with ${prefix} in ${path}`, code: 1 };
    }
    if (others.length > 0) {
      const named = [traceId, ...others].slice(0, maxNamed).join(", ");
      return { text: `Several traces begin with ${prefix}: ${named}`, code: 1 };
    }
    return { text: explainTrace(traceId, detail, ansi), code: 0 };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    return { text: `No trace can be read from ${path}: ${reason}`, code: 1 };
  }
}

/** The services' databases, by the settings that dev wrote at its last start. */
function readOutboxFiles(workspace: string): OutboxFile[] {
  const written = join(workspace, "dev.env");
  if (!existsSync(written)) return [];
  return Object.entries(parseEnv(readFileSync(written, "utf8"))).flatMap(([name, value = ""]) => {
    const [, service] = /^([A-Z]+)_DB$/.exec(name) ?? [];
    const [, path] = /^sqlite:(.+)$/.exec(value) ?? [];
    return service && path ? [{ service: service.toLowerCase(), path }] : [];
  });
}

/** A trace id or its beginning, alone or inside of a `traceparent`. */
function readPrefix([given = "", ...more]: readonly string[]): string | undefined {
  const text = given.toLowerCase().replace(/^#/, "");
  const [, inside] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(text) ?? [];
  const prefix = inside ?? text;
  return more.length === 0 && /^[0-9a-f]{4,32}$/.test(prefix) ? prefix : undefined;
}

if (import.meta.main) {
  readArguments({ usage });
  const workspace = resolve(Deno.env.get("EDGEPASS_HOME") || `${projectRoot}.edgepass`);
  const { text, code } = explain(
    Deno.args,
    workspace,
    createAnsi(Deno.stdout.isTerminal() && !Deno.noColor),
  );
  if (code === 0) console.log(text);
  else console.error(text);
  Deno.exit(code);
}
