import { exitWith, type Outcome } from "../terminal/outcome.ts";
import * as z from "zod/mini";
import type { KeyKind } from "@edgepass/shared/configuration";
import { retire, revoke } from "./keys/end_key.ts";
import { rotate, type RotateOptions } from "./keys/rotate.ts";
import {
  type Call,
  type Effects,
  type KeyRings,
  type KeySystem,
  type KeyView,
  readKeyRings,
  readSince,
  type UpdateKeyFile,
} from "./keys/key_rings.ts";
import { readArguments } from "@edgepass/shared/runtime/deno";
import { readJws } from "@edgepass/shared/crypto";
import type { ApiClient } from "../system/api_client.ts";
import { updateKeyFile } from "./keys/key_file.ts";
import { asAdministrator, findSystem, type System } from "../system/system.ts";
import { nextOf } from "./keys/next_key.ts";

const usage = `Usage: deno task keys list
       deno task keys rotate access|passport [--wait <seconds>] [--profile S|A]
       deno task keys retire access|passport <kid>
       deno task keys revoke access|passport <kid>`;

type Command = (system: KeySystem, effects: Effects) => Promise<string>;

/** Runs `keys` as the administrator of a system, which `use` finds. */
export async function runKeys(
  args: readonly string[],
  use: (work: (system: KeySystem) => Promise<string>) => Promise<string>,
  effects: Effects,
): Promise<Outcome> {
  const command = readCommand(args);
  if (!command) return { text: usage, code: 2 };
  try {
    return { text: await use((system) => command(system, effects)), code: 0 };
  } catch (error) {
    return { text: explain(error), code: 1 };
  }
}

function readCommand([name, kind, ...rest]: readonly string[]): Command | undefined {
  if (name === "list" && kind === undefined) return list;
  if (kind !== "access" && kind !== "passport") return undefined;
  if (name === "rotate") {
    const options = readOptions(kind, rest);
    return options && ((system, effects) => rotate(system, options, effects));
  }
  const [kid = "", ...more] = rest;
  if (more.length > 0 || !/^(?!--)[\w.-]{1,64}$/.test(kid)) return undefined;
  if (name === "retire") return (system, effects) => retire(system, kind, kid, effects);
  if (name === "revoke") return (system, effects) => revoke(system, kind, kid, effects);
  return undefined;
}

function readOptions(kind: KeyKind, args: readonly string[]): RotateOptions | undefined {
  let options: RotateOptions = { kind };
  for (let at = 0; at < args.length; at += 2) {
    const [flag, value = ""] = [args[at], args[at + 1]];
    if (flag === "--wait" && /^\d{1,5}$/.test(value)) {
      options = { ...options, waitSeconds: Number(value) };
    } else if (flag === "--profile" && kind === "passport" && (value === "S" || value === "A")) {
      options = { ...options, profile: value };
    } else return undefined;
  }
  return options;
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const details = "details" in error && Array.isArray(error.details) ? error.details : [];
  return [error.message, ...details.map(({ path, message }) => `${path} ${message}`)].join(": ");
}

const Token = z.object({ accessToken: z.string() });
const KeySet = z.object({ keys: z.array(z.object({ kid: z.string() })) });
const defaultLeewaySeconds = 5;
const maxTokenBytes = 8_192;

/** The keys of a running system. */
function toKeySystem(system: System, call: Call, api: ApiClient): KeySystem {
  const { settings } = system;
  return {
    call,
    leewaySeconds: Number(settings.LEEWAY_SECONDS ?? defaultLeewaySeconds),
    async publicKids() {
      const set = await api.call("GET", "/.well-known/jwks.json", { isBare: true });
      return z.parse(KeySet, set).keys.map(({ kid }) => kid);
    },
    async freshKid() {
      const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = settings;
      const body = { grantType: "password", email, password };
      const token = z.parse(Token, await api.call("POST", "/auth/token", { body })).accessToken;
      await api.call("POST", "/auth/logout", { token }).catch(() => {});
      return String(readJws(token, maxTokenBytes)?.header.kid);
    },
    updateFile: toUpdateFile(system),
  };
}

/** This command must not write the files of another machine. */
function toUpdateFile({ isDev, settings }: System): KeySystem["updateFile"] {
  const of = (kind: KeyKind, path: string | undefined) => {
    if (!isDev || path === undefined) return {};
    const updateFile: UpdateKeyFile = async (states) => ({
      kid: await updateKeyFile(path, kind, states),
      path,
    });
    return { [kind]: updateFile };
  };
  return {
    ...of("access", settings.ACCESS_TOKEN_KEYS_FILE),
    ...of("passport", settings.PASSPORT_KEYS_FILE),
  };
}

async function withKeys(work: (system: KeySystem) => Promise<string>): Promise<string> {
  const system = findSystem(Deno.env.toObject());
  const api = system.open();
  try {
    return await asAdministrator(system, (call) => work(toKeySystem(system, call, api)));
  } finally {
    api.close();
  }
}

/** The state of every key, and what can be done with it; never its material. */
export async function list(system: KeySystem): Promise<string> {
  const rows: string[][] = [];
  for (const kind of ["access", "passport"] as const) {
    const keyRings = await readKeyRings(system, kind);
    for (const key of keyRings.keys) {
      rows.push([
        kind,
        key.kid,
        key.profile ?? "-",
        key.state,
        await formatSource(system, kind, key),
        formatNext(keyRings, key),
      ]);
    }
  }
  const head = ["kind", "kid", "profile", "state", "by", "next"];
  return toTable([head, ...rows]);
}

async function formatSource(system: KeySystem, kind: KeyKind, key: KeyView): Promise<string> {
  if (key.from === "own") return "the secret";
  const since = await readSince(system, kind, key.kid);
  if (!since) return "central";
  return `central, version ${since.version} since ${new Date(since.at).toISOString()}`;
}

function formatNext(keyRings: KeyRings, key: KeyView): string {
  const { kind } = keyRings;
  if (key.state === "revoked") return "remove it from the secret";
  if (!key.hasMaterial) return "has no key material";
  if (key.state === "signing") return `rotate ${kind}`;
  if (key.state === "retired") return "is revoked automatically";
  return nextOf(keyRings, key.profile)?.kid === key.kid ? "signs next" : "waits";
}

function toTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ??
    [];
  return rows.map((row) => row.map((text, at) => text.padEnd(widths[at] ?? 0)).join("  ").trimEnd())
    .join("\n");
}

if (import.meta.main) {
  readArguments({ usage });
  const now = Date.now;
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  exitWith(await runKeys(Deno.args, withKeys, { now, sleep, report: (line) => console.log(line) }));
}
