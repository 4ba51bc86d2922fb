import assert from "node:assert/strict";
import type { DoctorContext, Effects, Finding } from "../../dev/cli/doctor/context.ts";
import { parts } from "../../dev/workspace/environment.ts";
import { settingNames, type Settings } from "../../dev/workspace/settings.ts";

/** The settings of a healthy workspace; none of the values is a real secret. */
const healthy: Partial<Settings> = {
  PORT: "8787",
  DASHBOARD_PORT: "8788",
  PUBLIC_ORIGIN: "http://127.0.0.1:8787",
  LEEWAY_SECONDS: "5",
  REVOCATION_TIMEOUT_MS: "150",
  PASSPORT_KEYS: JSON.stringify([{ kid: "p1", secret: "", state: "signing" }]),
  ACCESS_TOKEN_KEYS: JSON.stringify({ keys: [{ kid: "a1", state: "signing" }] }),
};

export interface DoctorContextOverrides extends Partial<Omit<DoctorContext, "settings">> {
  readonly settings?: Partial<Settings>;
}

/** The input of a check; a test overrides what differs from a workspace that dev has created. */
export function createDoctorContext(
  { settings, ...overrides }: DoctorContextOverrides = {},
): DoctorContext {
  const none = Object.fromEntries(settingNames.map((name) => [name, ""])) as Settings;
  return {
    scope: "dev",
    variables: {},
    parts,
    workspace: "/nowhere",
    dev: { name: "stopped" },
    ...overrides,
    settings: { ...none, ...healthy, ...settings },
  };
}

/** An environment without errors, without servers, and with free disk space. */
export function createEffects(overrides: Partial<Effects> = {}): Effects {
  return {
    now: () => 0,
    elapsed: () => 0,
    request: () => Promise.reject(new TypeError("no server is there")),
    configurationErrors: () => Promise.resolve([]),
    issuerReports: () => Promise.resolve([]),
    freeBytes: () => 2 ** 40,
    denoVersion: "2.9.5",
    root: new URL("../../", import.meta.url).pathname,
    ...overrides,
  };
}

/** The one finding that is not ok, as `state: what → fix`. */
export function troubleOf(findings: readonly Finding[]): string {
  const troubles = findings.filter(({ state }) => state !== "ok").map(toTrouble);
  assert.equal(troubles.length, 1, JSON.stringify(findings));
  return troubles[0] ?? "";
}

/** The text of each finding; fails if one is not ok. */
export function allWell(findings: readonly Finding[]): string[] {
  assert.deepEqual(findings.filter(({ state }) => state !== "ok"), []);
  return findings.map(({ what }) => what);
}

function toTrouble(finding: Finding): string {
  return `${finding.state}: ${finding.what} → ${finding.state === "ok" ? "" : finding.fix}`;
}
