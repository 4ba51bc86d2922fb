import { render } from "preact";
import { Shell } from "./shell.tsx";
import { createApi } from "./data/api.ts";
import { type App, createPreferences } from "./data/app.ts";
import { createLive } from "./data/live.ts";
import { createRouter } from "./data/router.ts";

const preferences = createPreferences(localStorage, document.documentElement);

function start(): void {
  const app: App = {
    api: createApi((input, init) => fetch(input, init)),
    live: createLive({
      open: () => new EventSource("/api/stream"),
      page: document,
      now: Date.now,
      beforeFrame: requestAnimationFrame,
      later: setTimeout,
    }),
    router: createRouter(window),
    preferences,
    memory: new Map(),
    now: Date.now,
  };
  const root = document.getElementById("app");
  if (root) render(<Shell app={app} />, root);
}

// The script is in the head, so that the theme is set before anything is drawn.
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
