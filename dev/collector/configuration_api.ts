import type { Attributes } from "./api.ts";

/** One version of the central configuration, without its document. */
export interface ConfigurationChange {
  /** 0 is none: the environment alone. */
  readonly version: number;
  readonly changedAt: number | null;
  readonly changedBy: string | null;
  readonly comment: string | null;
  /** Paths of what differs from the version before. */
  readonly changed: readonly string[];
}

export interface ConfigurationVersion extends ConfigurationChange {
  readonly document: Attributes;
}

/** Versions, the newest first; `next` is the cursor of the following page. */
export interface ConfigurationHistory {
  readonly items: readonly ConfigurationChange[];
  readonly next: string | null;
}

/** A setting that the central document may change, with its value in the environment. */
export interface BaseSetting {
  readonly path: string;
  /** Its variable. */
  readonly name: string;
  /** Empty where the environment leaves it out, so that its default applies. */
  readonly value: string;
}

/** The central configuration as the page shows it. */
export interface Configuration {
  readonly inForce: ConfigurationVersion;
  readonly history: ConfigurationHistory;
  readonly base: readonly BaseSetting[];
  /** The administrator as whom the page makes changes. */
  readonly administratorId: string | null;
}

/** What a program has reported last of the central configuration, since this run began. */
export interface RolloutEntry {
  readonly service: string;
  /** The version it applied last; null where it has reported none. */
  readonly version: number | null;
  readonly since: number | null;
  /** A newer version that it refused as invalid. */
  readonly refused: number | null;
}
