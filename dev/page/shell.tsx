import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type App, AppContext } from "./data/app.ts";
import { useLocation, useResponse } from "./data/hooks.ts";
import { toHash } from "./data/router.ts";
import { Banner, Header } from "./parts/header.tsx";
import { Empty } from "./parts/small.tsx";
import { findView } from "./views.ts";

/** The frame around every view. */
export function Shell({ app }: { app: App }) {
  return (
    <AppContext.Provider value={app}>
      <Frame app={app} />
    </AppContext.Provider>
  );
}

function Frame({ app }: { app: App }) {
  const place = useLocation();
  const { value: state } = useResponse(app.api.state, []);
  const main = useRef<HTMLElement>(null);
  const found = findView(place.path);
  const title = found?.view.title ?? "Nothing here";
  const isFirst = useRef(true);
  // Before effects, in which a view may restore its scroll position.
  useLayoutEffect(() => scrollTo({ top: 0 }), [place.path]);
  useEffect(() => {
    document.title = `${title} · Edgepass`;
    // A screen reader announces the new page by the place of the focus.
    if (!isFirst.current && !main.current?.contains(document.activeElement)) {
      main.current?.querySelector("h1")?.focus({ preventScroll: true });
    }
    isFirst.current = false;
  }, [place.path]);

  const appWithState = useMemo(() => ({ ...app, state }), [app, state]);

  function skip(event: Event): void {
    event.preventDefault();
    main.current?.focus();
  }
  return (
    <AppContext.Provider value={appWithState}>
      <a class="skip" href="#main" onClick={skip}>Skip to the content</a>
      <Header view={found?.view} />
      <Banner />
      <main id="main" ref={main} tabIndex={-1}>
        {found
          ? <found.view.view key={place.path} params={found.params} query={place.query} />
          : <Lost />}
      </main>
    </AppContext.Provider>
  );
}

function Lost() {
  return (
    <>
      <h1 tabIndex={-1}>Nothing here</h1>
      <Empty title="This page has no such view.">
        <p>
          <a href={toHash("/")}>Go to the overview</a>
        </p>
      </Empty>
    </>
  );
}
