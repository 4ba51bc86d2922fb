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
