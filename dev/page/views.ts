import type { ComponentChildren } from "preact";
import { Configuration } from "./views/configuration.tsx";
import { Events } from "./views/events.tsx";
import { Health } from "./views/health.tsx";
import { Logs } from "./views/logs.tsx";
import { Overview } from "./views/overview.tsx";
import { Requests } from "./views/requests.tsx";
import { Trace } from "./views/trace.tsx";

/** The input of a view: the captures of its path, and the query of its address. */
export interface ViewProps {
  readonly params: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

export interface View {
  /** The pattern of its address; each group is one of `params`. */
  readonly path: RegExp;
  /** Its heading, the window's title and, with `link`, its name in the navigation. */
  readonly title: string;
  /** Where the navigation leads; a view without one is reached from the view `within`. */
  readonly link?: string;
  readonly within?: string;
  readonly view: (props: ViewProps) => ComponentChildren;
}

/** Every view of the page, in the order of the navigation. */
export const views: readonly View[] = [
  { path: /^\/$/, title: "Overview", link: "/", view: Overview },
  { path: /^\/requests$/, title: "Requests", link: "/requests", view: Requests },
  { path: /^\/requests\/([^/]+)$/, title: "Request", within: "/requests", view: Trace },
  { path: /^\/logs$/, title: "Logs", link: "/logs", view: Logs },
  { path: /^\/events$/, title: "Events", link: "/events", view: Events },
  {
    path: /^\/configuration$/,
    title: "Configuration",
    link: "/configuration",
    view: Configuration,
  },
  { path: /^\/health$/, title: "Health", link: "/health", view: Health },
];

/** The view of a path, with the captures of its address. */
export function findView(path: string): { view: View; params: readonly string[] } | undefined {
  for (const view of views) {
    const match = view.path.exec(path);
    if (match) return { view, params: match.slice(1) };
  }
  return undefined;
}
