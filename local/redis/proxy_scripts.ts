import type { Command } from "./backend.ts";
import type { Bytes } from "./bytes.ts";
import { sha1Hex } from "./engine/lua.ts";

/**
 * Translates scripts with Upstash's own flag `allow-key-locking` for a stock Redis, which refuses
 * to compile an unknown flag. The line is emptied, so line numbers stay.
 */
export interface ScriptTranslation {
  toRedis(command: Command): Command;
  /** The name by which the client will call a script to which Redis gave another name. */
  fromRedis(command: Command, sha: Bytes): Bytes;
}

const foreignFlags = /^#!lua[^\n]*\ballow-key-locking\b[^\n]*/;

/** Creates a translation that stores the names of the scripts it changed. */
export function createScriptTranslation(): ScriptTranslation {
  const names = new Map<string, string>();

  function strip(code: Bytes): Bytes {
    const stripped = code.replace(foreignFlags, "");
    if (stripped !== code) names.set(sha1Hex(code), sha1Hex(stripped));
    return stripped;
  }
  function toRedisName(sha: Bytes): Bytes {
    return names.get(sha.toLowerCase()) ?? sha;
  }
  return {
    toRedis(command) {
      const [name = "", first = "", ...rest] = command;
      switch (name.toUpperCase()) {
        case "EVAL":
        case "EVAL_RO":
          return [name, strip(first), ...rest];
        case "EVALSHA":
        case "EVALSHA_RO":
          return [name, toRedisName(first), ...rest];
        case "SCRIPT":
          return [name, first, ...rest.map(/^load$/i.test(first) ? strip : toRedisName)];
        default:
          return command;
      }
    },
    fromRedis(command, sha) {
      const [name = "", action = "", code = ""] = command;
      const isLoad = /^script$/i.test(name) && /^load$/i.test(action);
      return isLoad && foreignFlags.test(code) ? sha1Hex(code) : sha;
    },
  };
}
