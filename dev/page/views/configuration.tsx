import { useEffect, useRef, useState } from "preact/hooks";
import type { NewConfiguration } from "../data/api.ts";
import { useApp } from "../data/app_context.ts";
import { toMessage, useNow } from "../data/hooks.ts";
import { rowKeys, useKeys } from "../data/keyboard.ts";
import { useConfiguration } from "../data/use_configuration.ts";
import { Editor } from "../parts/configuration_editor.tsx";
import { Rollout } from "../parts/configuration_rollout.tsx";
import { Settings } from "../parts/configuration_settings.tsx";
import { Author, Versions } from "../parts/configuration_versions.tsx";
import { Ago, Empty, Failure, Panel } from "../parts/small.tsx";
import type { ViewProps } from "../views.ts";
import type { Configuration as Shown, ConfigurationVersion } from "../api_types.ts";

/** What changes while everything runs: what is in force, what was, and who has taken it. */
export function Configuration({ query }: ViewProps) {
  const { configuration, rollout } = useConfiguration();
  const { value, error, reload } = configuration;
  const { said, isBad, run, rollBack } = useChanges(reload);
  const [isOpen, setOpen] = useState(false);
  const status = useRef<HTMLParagraphElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(false);
  useKeys(rowKeys(rows));
  useEffect(() => {
    if (wasOpen.current && !isOpen) opener.current?.focus();
    wasOpen.current = isOpen;
  }, [isOpen]);
  const version = value?.inForce.version ?? 0;
  return (
    <>
      <div class="view-head">
        <h1 tabIndex={-1}>Configuration</h1>
        {value && <Summary configuration={value} />}
      </div>
      {error ? <Failure error={error} retry={reload} /> : null}
      <p class={isBad ? "said is-bad" : "said"} role="status" ref={status} tabIndex={-1}>{said}</p>
      {value && (
        <div class="configuration" ref={rows}>
          <div class="configuration-main">
            {isOpen && (
              <Panel title="Change">
                <Editor
                  inForce={value.inForce}
                  put={(wanted) => run(wanted).then(() => setOpen(false))}
                  close={() => setOpen(false)}
                />
              </Panel>
            )}
            <Panel
              title="Current"
              aside={isOpen ? null : (
                <button
                  type="button"
                  class="button"
                  ref={opener}
                  onClick={() => setOpen(true)}
                >
                  Change…
                </button>
              )}
            >
              <Settings configuration={value} />
            </Panel>
          </div>
          <div class="configuration-side">
            <Panel title="Applied by">
              {rollout.value && <Rollout rollout={rollout.value} version={version} />}
            </Panel>
            <Panel title="Versions" aside={<span class="muted">newest first</span>}>
              {value.history.items.length > 0
                ? (
                  <Versions
                    configuration={value}
                    chosen={readVersion(query.version)}
                    // The button that was pressed is gone with what it said.
                    rollBack={(to, from) => rollBack(to, from).then(() => status.current?.focus())}
                  />
                )
                : <Empty title="No changes yet." />}
            </Panel>
          </div>
        </div>
      )}
    </>
  );
}

/** Changes with what is said of them; whatever becomes of one, what is in force is asked for again. */
function useChanges(reload: () => void) {
  const { api } = useApp();
  const [{ said, isBad }, say] = useState({ said: "", isBad: false });
  async function tell(change: Promise<ConfigurationVersion>): Promise<void> {
    try {
      const { version } = await change;
      say({ said: `Version ${version} is current.`, isBad: false });
    } finally {
      reload();
    }
  }
  return {
    said,
    isBad,
    /** Rejects when it is refused, so that whoever asked can say so where it was asked. */
    run(wanted: NewConfiguration): Promise<void> {
      say({ said: "", isBad: false });
      return tell(api.putConfiguration(wanted));
    },
    rollBack: (version: number, ifVersion: number): Promise<void> =>
      tell(api.rollBackConfiguration({ version, ifVersion }))
        .catch((error: unknown) => say({ said: `${toMessage(error)}.`, isBad: true })),
  };
}

function Summary({ configuration: { inForce, administratorId } }: { configuration: Shown }) {
  const now = useNow(10_000);
  const { version, changedAt, changedBy, comment } = inForce;
  if (version === 0) return <p class="summary">All settings come from the environment.</p>;
  return (
    <p class="summary">
      Version {version}, applied {changedAt !== null && <Ago at={changedAt} now={now} />}
      {" by "}
      <Author by={changedBy} self={administratorId} />
      {comment && <>: “{comment}”</>}
    </p>
  );
}

function readVersion(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
