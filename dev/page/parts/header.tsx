import { useRef } from "preact/hooks";
import { themes, useApp } from "../data/app.ts";
import { useNow, useOutside, useStatus } from "../data/hooks.ts";
import { useKeys } from "../data/keyboard.ts";
import { toHash } from "../data/router.ts";
import { type View, views } from "../views.ts";
import { Icon, type IconName } from "./small.tsx";
import type { Connection } from "../data/live.ts";
import { toClock, toRelative } from "../logic/format.ts";

/** Name, navigation, and the state of the connection. */
export function Header({ view }: { view: View | undefined }) {
  const { state } = useApp();
  const help = useRef<HTMLDialogElement>(null);
  const openHelp = () => help.current?.showModal();
  useKeys({ "?": openHelp });
  return (
    <header class="header">
      <div class="header-row">
        <a class="brand" href={toHash("/")} aria-label="Edgepass, to the overview">
          <Logo />
          <span>Edgepass</span>
        </a>
        {state ? <span class="mode" title={state.gateway.origin}>{state.mode}</span> : null}
        <Navigation view={view} />
        <div class="header-end">
          <ConnectionState />
          <ThemeButton />
          <button
            type="button"
            class="button quiet square"
            onClick={openHelp}
            aria-label="Keyboard shortcuts"
          >
            <span aria-hidden="true">?</span>
          </button>
        </div>
      </div>
      <Help dialog={help} />
    </header>
  );
}

function Navigation({ view }: { view: View | undefined }) {
  return (
    <nav aria-label="Views">
      <ul>
        {views.map(({ link, title }) =>
          link && (
            <li key={link}>
              <a href={toHash(link)} aria-current={ariaCurrent(link, view)}>{title}</a>
            </li>
          )
        )}
      </ul>
    </nav>
  );
}

function ariaCurrent(link: string, view: View | undefined): "page" | "true" | undefined {
  if (view?.link === link) return "page";
  return view?.within === link ? "true" : undefined;
}

/** Cycles through the themes; its label names the current one and the next. */
function ThemeButton() {
  const { preferences } = useApp();
  const theme = useOutside(preferences.theme, preferences.onChange);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  return (
    <button
      type="button"
      class="button quiet square"
      onClick={() => preferences.setTheme(next)}
      aria-label={`Colours: ${theme}. Change to ${next}`}
      title={`Colours: ${theme}`}
    >
      <Icon name={theme} />
    </button>
  );
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <rect class="logo-ground" width="32" height="32" rx="7" />
      <path class="logo-gate" d="M9 25V13a7 7 0 0 1 14 0v12" />
      <path class="logo-pass" d="M5 20h22" />
    </svg>
  );
}

const keys: readonly (readonly [keys: readonly string[], what: string])[] = [
  [["j", "↓"], "Next row or span"],
  [["k", "↑"], "Previous row or span"],
  [["Enter"], "Open the request or the version, or show all of the log line"],
  [["←", "→"], "Close or open the spans below one"],
  [["/"], "Search"],
  [["Esc"], "Leave the search or the list; from a request back to the list"],
  [["?"], "This list"],
];

/** The keyboard shortcuts. */
export function Help({ dialog }: { dialog: { readonly current: HTMLDialogElement | null } }) {
  const { preferences } = useApp();
  const areOn = useOutside(preferences.shortcuts, preferences.onChange);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title">
      <h2 id="help-title">Keyboard</h2>
      <dl class="keys">
        {keys.map(([names, what]) => (
          <div key={what}>
            <dt>{names.map((name) => <kbd key={name}>{name}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={areOn}
          onChange={({ currentTarget }) => preferences.setShortcuts(currentTarget.checked)}
        />
        Single letters are shortcuts
      </label>
      <button type="button" class="button" onClick={() => dialog.current?.close()}>Close</button>
    </dialog>
  );
}

const words: Readonly<Record<Connection, readonly [icon: IconName, word: string]>> = {
  connecting: ["wait", "Connecting"],
  live: ["ok", "Live"],
  lost: ["bad", "Offline"],
};

/** Whether the page is up to date. */
export function ConnectionState() {
  const { connection } = useStatus();
  const [icon, word] = words[connection];
  return (
    <span class={`connection connection-${connection}`} role="status">
      <Icon name={icon} />
      <span class="connection-word">{word}</span>
    </span>
  );
}

/** Shows that dev is gone; the page recovers by itself. */
export function Banner() {
  const { connection, since } = useStatus();
  const now = useNow(connection === "lost" ? 1000 : undefined);
  if (connection !== "lost") return null;
  return (
    <div class="banner">
      <Icon name="warn" />
      <p>
        <strong>dev does not respond.</strong> Start it with{" "}
        <code>deno task dev</code>; this page shows the state of {toClock(since).slice(0, 8)}{" "}
        ({toRelative(since, Math.max(now, since))}
        ) and reconnects automatically.
      </p>
    </div>
  );
}
