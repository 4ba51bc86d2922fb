import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { State } from "../api_types.ts";
import type { Api } from "./api.ts";
import type { Live } from "./live.ts";
import type { Router } from "./router.ts";

/** The reader's choices, stored in this browser. */
export interface Preferences {
  /** The colours; `system` follows the system's own choice. */
  theme(): Theme;
  setTheme(theme: Theme): void;
  /** Whether single letters are shortcuts (WCAG 2.1.4 requires a way to turn them off). */
  shortcuts(): boolean;
  setShortcuts(areOn: boolean): void;
  onChange(listener: () => void): () => void;
}

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

type StoredPreferences = Pick<Storage, "getItem" | "setItem">;

/** Applies the stored theme to `root` at once, so that no frame is drawn in another one. */
export function createPreferences(stored: StoredPreferences, root: HTMLElement): Preferences {
  const listeners = new Set<() => void>();
  let theme = themes.find((one) => one === read(stored, "theme")) ?? "system";
  let areOn = read(stored, "shortcuts") !== "off";
  root.dataset.theme = theme;
  const notify = () => listeners.forEach((listener) => listener());
  return {
    theme: () => theme,
    setTheme(next) {
      theme = next;
      root.dataset.theme = next;
      write(stored, "theme", next);
      notify();
    },
    shortcuts: () => areOn,
    setShortcuts(next) {
      areOn = next;
      write(stored, "shortcuts", next ? "on" : "off");
      notify();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** A browser may forbid storage by throwing; then the choice lasts as long as the page. */
function read(stored: StoredPreferences, name: string): string | null {
  try {
    return stored.getItem(`edgepass.${name}`);
  } catch {
    return null;
  }
}

function write(stored: StoredPreferences, name: string, value: string): void {
  try {
    stored.setItem(`edgepass.${name}`, value);
  } catch {
    // See read().
  }
}

/** What every view works with. */
export interface App {
  readonly api: Api;
  readonly live: Live;
  readonly router: Router;
  readonly preferences: Preferences;
  /** Where views store what they restore when the reader comes back. */
  readonly memory: Map<string, unknown>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The running system, once it is loaded. */
  readonly state?: State | undefined;
}

export const AppContext = createContext<App | undefined>(undefined);

/**
 * The app that a view is in.
 *
 * @throws {Error} outside of one
 */
export function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error("Cannot draw: the view stands in no app");
  return app;
}
