import type { Part } from "../environment.ts";
import type { Settings } from "../settings.ts";
import type { Finding } from "./finding.ts";

/** Whether the dev command was ever started on its home, and how it ended. */
export type DevState =
  | { readonly name: "never" | "stopped" }
  /** It holds its home, or left its mark there when it was ended by force. */
  | { readonly name: "running" | "killed"; readonly pid: string };

/** What is looked at. */
export interface DoctorContext {
  /** The home of dev and what it serves, or an environment that a deployment gets. */
  readonly scope: "dev" | "deployment";
  /** The variables of this process. */
  readonly variables: Readonly<Record<string, string>>;
  /** The value in force of every setting; an empty text is a setting that has none. */
  readonly settings: Settings;
  /** Why these settings cannot be completed, by the dev command's own words. */
  readonly refusal?: string;
  /** The programs that read the settings. */
  readonly parts: readonly Part[];
  /** The path of `EDGEPASS_HOME`. */
  readonly workspace: string;
  readonly dev: DevState;
}

/** A setting that a program does not take, in its own words. */
export interface ConfigurationError {
  readonly part: Part;
  readonly message: string;
}

/** What the checks need of the world. */
export interface Effects {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly elapsed: () => number;
  /** Asks somebody, under the name that `host` gives where it differs from the address. */
  readonly ask: (url: string, init?: RequestInit & { readonly host?: string }) => Promise<Response>;
  /** What the programs say of the settings; they are composed once and not started. */
  readonly configurationErrors: () => Promise<readonly ConfigurationError[]>;
  /** Bytes that this user may still write beside a path. */
  readonly freeBytes: (path: string) => number;
  readonly denoVersion: string;
  /** The root of the working copy, with a slash at its end. */
  readonly root: string;
}

/** Looks at one thing; one that cannot be looked at has no findings or says so. */
export type Check = (
  doctorContext: DoctorContext,
  effects: Effects,
) => readonly Finding[] | Promise<readonly Finding[]>;
