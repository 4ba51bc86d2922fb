import type { Part } from "../../workspace/environment.ts";
import type { Settings } from "../../workspace/settings.ts";

/** Whether the dev command was ever started on its workspace, and how it ended. */
export type DevState =
  | { readonly name: "never" | "stopped" }
  /** It holds the lock of its workspace, or left its mark there when it was killed. */
  | { readonly name: "running" | "killed"; readonly pid: string };

/** What the checks look at. */
export interface DoctorContext {
  /** The workspace of dev and what it serves, or the environment of a deployment. */
  readonly scope: "dev" | "deployment";
  /** The variables of this process. */
  readonly variables: Readonly<Record<string, string>>;
  /** The current value of every setting; an empty text is a setting without a value. */
  readonly settings: Settings;
  /** Why these settings cannot be completed, in the dev command's own words. */
  readonly refusal?: string;
  /** The programs that read the settings. */
  readonly parts: readonly Part[];
  /** The path of `EDGEPASS_HOME`. */
  readonly workspace: string;
  readonly dev: DevState;
}

/** A setting that a program refuses, in its own words. */
export interface ConfigurationError {
  readonly part: Part;
  readonly message: string;
}

/** What an issuer serves as its keys, or why they cannot be used. */
export type IssuerReport =
  | { readonly alias: string; readonly fault: string }
  | {
    readonly alias: string;
    /** Algorithms of its row with and without a usable key. */
    readonly usable: readonly string[];
    readonly missing: readonly string[];
    /** Keys of the set that are not used, and why. */
    readonly dropped: string;
  };

/** What the checks need from outside. */
export interface Effects {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a monotonic clock. */
  readonly elapsed: () => number;
  /** Sends a request, under the host name in `host` where it differs from the address. */
  readonly request: (
    url: string,
    init?: RequestInit & { readonly host?: string },
  ) => Promise<Response>;
  /** What the programs report about the settings; they are composed once and not started. */
  readonly configurationErrors: () => Promise<readonly ConfigurationError[]>;
  /** What the issuers of `ISSUERS` serve as their keys; rejects where the setting is refused. */
  readonly issuerReports: () => Promise<readonly IssuerReport[]>;
  /** Bytes that this user may still write beside a path. */
  readonly freeBytes: (path: string) => number;
  readonly denoVersion: string;
  /** The root of the working copy, with a slash at its end. */
  readonly root: string;
}

/** Checks one thing; one that cannot be checked has no findings, or one with the reason. */
export type Check = (
  context: DoctorContext,
  effects: Effects,
) => readonly Finding[] | Promise<readonly Finding[]>;

/** What a check found; a problem comes with its fix, a command or a setting to change. */
export type Finding =
  | { readonly state: "ok"; readonly what: string }
  | { readonly state: "warn" | "fail"; readonly what: string; readonly fix: string };

/** As it should be. */
export function ok(what: string): Finding {
  return { state: "ok", what };
}

/** Works, but may stop working, or not work as the operator expects. */
export function warn(what: string, fix: string): Finding {
  return { state: "warn", what, fix };
}

/** Does not work, or will not start. */
export function fail(what: string, fix: string): Finding {
  return { state: "fail", what, fix };
}
