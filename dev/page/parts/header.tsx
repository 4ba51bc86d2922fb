import { useRef } from "preact/hooks";
import { useApp } from "../data/app_context.ts";
import { useOutside } from "../data/hooks.ts";
import { useKeys } from "../data/keyboard.ts";
import { themes } from "../data/preferences.ts";
import { toHash } from "../data/router.ts";
import { type View, views } from "../views.ts";
import { ConnectionState } from "./connection.tsx";
import { Help } from "./help.tsx";
import { Icon } from "./icons.tsx";

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
