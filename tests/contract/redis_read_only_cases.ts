import { createHash } from "node:crypto";

type Word = string;
type ScriptCommand = "EVAL" | "EVALSHA" | "EVAL_RO" | "EVALSHA_RO";

const writer = "return redis.call('SET', KEYS[1], 'written')";
const reader = "return redis.call('GET', KEYS[1])";

/** Scripts that try to write in read-only mode, and scripts that may write. */
export const readOnlyScripts: readonly (readonly [command: ScriptCommand, script: string])[] = [
  ["EVAL", writer],
  ["EVALSHA", writer],
  ["EVAL_RO", writer],
  ["EVALSHA_RO", writer],
  ["EVAL_RO", reader],
  ["EVALSHA_RO", reader],
  ["EVAL_RO", "return redis.pcall('SET', KEYS[1], 'written')"],
  ["EVAL_RO", "local r = redis.pcall('DEL', KEYS[1]) return {r.err, redis.call('GET', KEYS[1])}"],
  ["EVAL_RO", "return redis.call('GETEX', KEYS[1])"],
  ["EVAL_RO", "return redis.call('FLUSHALL')"],
  ["EVAL_RO", "return redis.call('PUBLISH', 'c', 'm')"],
  ["EVAL_RO", "return redis.call('SET', KEYS[1])"],
  ["EVAL_RO", "return redis.call('EVAL', 'return 1', 0)"],
  ["EVAL", `#!lua flags=no-writes\n${writer}`],
  ["EVAL", `#!lua flags=allow-stale,no-writes\n${writer}`],
  ["EVAL", `#!lua flags=no-writes\n${reader}`],
  ["EVAL", `#!lua\n${writer}`],
  ["EVAL_RO", `#!lua\n${reader}`],
  ["EVALSHA_RO", `#!lua flags=allow-stale\n${reader}`],
  ["EVAL_RO", `#!lua flags=no-writes\n${reader}`],
  ["EVAL_RO", `#!lua flags=no-writes\n${writer}`],
  ["EVAL", `#!lua flags=allow-key-locking\n${writer}`],
  ["EVAL_RO", "#!lua flags=allow-key-locking\nreturn redis.pcall('DEL', KEYS[1])"],
  ["EVAL_RO", `#!lua flags=allow-key-locking\n${reader}`],
];

/** Runs the script on an existing key, and reads the key afterwards. */
export function toReadOnlyRun(
  command: ScriptCommand,
  script: string,
): readonly (readonly Word[])[] {
  const name = createHash("sha1").update(script).digest("hex");
  const byName = command.startsWith("EVALSHA");
  return [
    ["SET", "k", "before"],
    ...byName ? [["SCRIPT", "LOAD", script]] : [],
    [command, byName ? name : script, "1", "k"],
    ["GET", "k"],
  ];
}
