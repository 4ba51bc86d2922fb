/** What a check found; whatever is not well comes with its mend, a command or a setting to change. */
export type Finding =
  | { readonly state: "ok"; readonly what: string }
  | { readonly state: "warn" | "fail"; readonly what: string; readonly fix: string };

/** As it ought to be. */
export function ok(what: string): Finding {
  return { state: "ok", what };
}

/** Works, and may not for long or not as somebody thinks. */
export function warn(what: string, fix: string): Finding {
  return { state: "warn", what, fix };
}

/** Does not work, or will not start. */
export function fail(what: string, fix: string): Finding {
  return { state: "fail", what, fix };
}
