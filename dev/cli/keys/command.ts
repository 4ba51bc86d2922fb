import type { KeyKind } from "@edgepass/shared/configuration";
import { retire, revoke } from "./end_key.ts";
import { list } from "./list.ts";
import { rotate, type RotateOptions } from "./rotate.ts";
import type { Effects, KeySystem } from "./key_rings.ts";

/** The command's final output, and its exit code. */
export interface Outcome {
  readonly text: string;
  readonly code: number;
}

/** How the command is used. */
export const usage = `Usage: deno task keys list
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
