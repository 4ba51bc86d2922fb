import { useEffect, useState } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { toMessage, useNow, useResponse } from "../data/hooks.ts";
import { toHash } from "../data/router.ts";
import { listDifferences } from "../logic/document.ts";
import type { Configuration, ConfigurationChange, ConfigurationVersion } from "../api_types.ts";
import { Differences, Path } from "./configuration_settings.tsx";
import { Ago, Person } from "./small.tsx";

/** The author of a change; most often that is the reader. */
export function Author({ by, self }: { by: string | null; self: string | null }) {
  return by !== null && by === self
    ? <span title={by}>the administrator</span>
    : <Person sub={by} />;
}

interface VersionsProps {
  readonly configuration: Configuration;
  /** The version in the address. */
  readonly chosen: number | undefined;
  readonly rollBack: (version: number, ifVersion: number) => Promise<void>;
}

const path = "/configuration";

/** Every version, newest first; the chosen one with what it would change. */
export function Versions({ configuration, chosen, rollBack }: VersionsProps) {
  const { inForce, administratorId } = configuration;
  const { items, next, loadOlder, trouble } = useHistory(configuration);
  const now = useNow(10_000);
  return (
    <>
      <ol class="versions">
        {items.map((change) => (
          <li key={change.version} class={change.version === chosen ? "is-chosen" : ""}>
            <p class="version-head">
              <a
                data-row
                href={toHash(
                  path,
                  change.version === chosen ? {} : {
                    version: String(change.version),
                  },
                )}
                aria-current={change.version === chosen ? "true" : undefined}
              >
                Version {change.version}
              </a>
              {change.version === inForce.version && <span class="in-force">current</span>}
              {change.changedAt !== null && <Ago at={change.changedAt} now={now} />}
              <span class="muted">
                by <Author by={change.changedBy} self={administratorId} />
              </span>
            </p>
            {change.comment && <p class="version-comment">{change.comment}</p>}
            <Changed change={change} />
            {change.version === chosen && (
              <Chosen key={chosen} version={chosen} inForce={inForce} rollBack={rollBack} />
            )}
          </li>
        ))}
      </ol>
      {trouble && <p class="notice is-bad" role="alert">{trouble}</p>}
      {next !== null && (
        <button type="button" class="button" onClick={loadOlder}>Show older versions</button>
      )}
    </>
  );
}

const shownPaths = 4;

function Changed({ change: { changed } }: { change: ConfigurationChange }) {
  const more = changed.length - shownPaths;
  return (
    <p class="version-paths">
      {changed.slice(0, shownPaths).map((one) => <Path key={one} path={one} />)}
      {more > 0 && (
        <span class="muted" title={changed.slice(shownPaths).join(", ")}>
          and {more} more
        </span>
      )}
    </p>
  );
}

/** The first page comes with the configuration; older ones stay while it is loaded again. */
function useHistory({ history }: Configuration) {
  const { api } = useApp();
  const [older, setOlder] = useState<Configuration["history"] | undefined>(undefined);
  const [trouble, setTrouble] = useState("");
  const next = older ? older.next : history.next;
  const byVersion = new Map(
    [...older?.items ?? [], ...history.items].map((change) => [change.version, change]),
  );
  function loadOlder(): void {
    if (next === null) return;
    api.configurationHistory(next).then((page) => {
      setTrouble("");
      const before = older?.items ?? history.items;
      setOlder({ items: [...before, ...page.items], next: page.next });
    }, (error: unknown) => setTrouble(toMessage(error)));
  }
  const items = [...byVersion.values()].toSorted((a, b) => b.version - a.version);
  return { items, next, loadOlder, trouble };
}

/** What going back to a version would change. */
function Chosen({ version, inForce, rollBack }: {
  version: number;
  inForce: ConfigurationVersion;
  rollBack: VersionsProps["rollBack"];
}) {
  const { api } = useApp();
  const { value, error } = useResponse((signal) => api.configurationVersion(version, signal), []);
  if (version === inForce.version) {
    return <p class="version-detail muted">This is the current version.</p>;
  }
  if (!value) return <p class="version-detail muted">{error ?? "…"}</p>;
  const differences = listDifferences(value.document, inForce.document);
  return (
    <div class="version-detail">
      {differences.length === 0 ? <p class="muted">It is the same as the current version.</p> : (
        <>
          <Differences differences={differences} before="Then" after="Now" />
          <RollBack version={version} present={inForce.version} rollBack={rollBack} />
        </>
      )}
    </div>
  );
}

/** Asks for confirmation, which counts for the version that was current at the question. */
function RollBack({ version, present, rollBack }: {
  version: number;
  present: number;
  rollBack: VersionsProps["rollBack"];
}) {
  const [askedAt, setAsked] = useState<number | undefined>(undefined);
  useEffect(() => setAsked(undefined), [present]);
  return (
    <p class="version-buttons">
      {askedAt === undefined
        ? (
          <button type="button" class="button" onClick={() => setAsked(present)}>
            Roll back to version {version}…
          </button>
        )
        : (
          <button type="button" class="button" onClick={() => rollBack(version, askedAt)}>
            Apply version {version} again
          </button>
        )}
      {askedAt !== undefined && (
        <button
          type="button"
          class="button quiet"
          onClick={() => setAsked(undefined)}
        >
          Keep version {present}
        </button>
      )}
    </p>
  );
}
