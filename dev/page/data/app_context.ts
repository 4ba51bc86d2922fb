import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { State } from "../api_types.ts";
import type { Api } from "./api.ts";
import type { Live } from "./live.ts";
import type { Router } from "./router.ts";
import type { Preferences } from "./preferences.ts";

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
