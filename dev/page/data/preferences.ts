/** How somebody wants the page, kept in this browser. */
export interface Preferences {
  /** The colours; `system` follows the system's own choice. */
  theme(): Theme;
  setTheme(theme: Theme): void;
  /** Whether single letters are shortcuts (WCAG 2.1.4 wants a way to turn them off). */
  shortcuts(): boolean;
  setShortcuts(areOn: boolean): void;
  onChange(listener: () => void): () => void;
}

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

type StoredPreferences = Pick<Storage, "getItem" | "setItem">;

/** Puts the kept theme on `root` at once, so that no frame is drawn in another one. */
export function createPreferences(kept: StoredPreferences, root: HTMLElement): Preferences {
  const listeners = new Set<() => void>();
  let theme = themes.find((one) => one === read(kept, "theme")) ?? "system";
  let areOn = read(kept, "shortcuts") !== "off";
  root.dataset.theme = theme;
  const tell = () => listeners.forEach((listener) => listener());
  return {
    theme: () => theme,
    setTheme(next) {
      theme = next;
      root.dataset.theme = next;
      write(kept, "theme", next);
      tell();
    },
    shortcuts: () => areOn,
    setShortcuts(next) {
      areOn = next;
      write(kept, "shortcuts", next ? "on" : "off");
      tell();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** A browser may forbid storage by throwing; then the choice lasts as long as the page. */
function read(kept: StoredPreferences, name: string): string | null {
  try {
    return kept.getItem(`edgepass.${name}`);
  } catch {
    return null;
  }
}

function write(kept: StoredPreferences, name: string, value: string): void {
  try {
    kept.setItem(`edgepass.${name}`, value);
  } catch {
    // See read().
  }
}
