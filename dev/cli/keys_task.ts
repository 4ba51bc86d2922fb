import { readArguments } from "@edgepass/shared/runtime/deno";
import { readJws } from "@edgepass/shared/crypto";
import type { KeyKind } from "@edgepass/shared/configuration";
import * as z from "zod/mini";
import type { ApiClient } from "../system/api_client.ts";
import { runKeys, usage } from "./keys/command.ts";
import { updateKeyFile } from "./keys/key_file.ts";
import type { Call, KeySystem, UpdateKeyFile } from "./keys/key_rings.ts";
import { asAdministrator, findSystem, type System } from "../system/system.ts";

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

readArguments({ usage });
const { text, code } = await runKeys(Deno.args, withKeys, {
  now: Date.now,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  report: (line) => console.log(line),
});
if (code === 0) console.log(text);
else console.error(text);
Deno.exit(code);
