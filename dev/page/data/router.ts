/** The location of the page: the part of the address behind `#`, parsed. */
export interface PageLocation {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

export interface Router {
  place(): PageLocation;
  onChange(listener: () => void): () => void;
  /** Goes to another location; with `replace` the present one leaves no step in the history. */
  go(place: { path: string; query?: PageLocation["query"] }, options?: { replace?: boolean }): void;
  /** Goes back to the previous location, or to `fallback` without one. */
  back(fallback: string): void;
}

/** Reads `#/requests?status=5xx`. */
export function readLocation(hash: string): PageLocation {
  const [path = "", search = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const query = Object.fromEntries(new URLSearchParams(search));
  return { path: path.startsWith("/") ? path : "/", query };
}

/** Writes what {@linkcode readLocation} reads; empty values are left out. */
export function toHash(path: string, query: PageLocation["query"] = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const search = new URLSearchParams(given).toString();
  return `#${path}${search && "?"}${search}`;
}

export function createRouter(view: Window): Router {
  const listeners = new Set<() => void>();
  // The steps taken inside of the page, which the browser's own history does not expose.
  const steps = [view.location.hash];
  let place = readLocation(view.location.hash);
  function update(): void {
    place = readLocation(view.location.hash);
    for (const listener of listeners) listener();
  }
  view.addEventListener("hashchange", () => {
    const { hash } = view.location;
    if (steps.at(-2) === hash) steps.pop();
    else steps.push(hash);
    update();
  });
  return {
    place: () => place,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    go({ path, query = {} }, { replace = false } = {}) {
      const hash = toHash(path, query);
      if (!replace) {
        view.location.hash = hash;
        return;
      }
      view.history.replaceState(null, "", hash);
      steps.splice(-1, 1, view.location.hash);
      update();
    },
    back(fallback) {
      if (steps.length > 1) view.history.back();
      else this.go({ path: fallback }, { replace: true });
    },
  };
}
