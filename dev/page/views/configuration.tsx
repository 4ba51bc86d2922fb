import { useEffect, useRef, useState } from "preact/hooks";
import type { NewConfiguration } from "../data/api.ts";
import { useApp } from "../data/app.ts";
import { toMessage, useConfiguration, useNow } from "../data/hooks.ts";
import { rowKeys, useKeys } from "../data/keyboard.ts";
import { Editor } from "../parts/configuration_editor.tsx";
import { Rollout, Settings } from "../parts/configuration_settings.tsx";
import { Author, Versions } from "../parts/configuration_versions.tsx";
import { Ago, Empty, Panel, ViewHead } from "../parts/small.tsx";
import type { ViewProps } from "../views.ts";
import type { Configuration as Shown, ConfigurationVersion } from "../api_types.ts";

/** The settings that change at run time: the current version, the older ones, and the rollout. */
export function Configuration({ query }: ViewProps) {
  const { configuration, rollout } = useConfiguration();
  const { value, error, reload } = configuration;
  const { notice, isBad, run, rollBack } = useChanges(reload);
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
      <ViewHead title="Configuration" error={error} retry={reload}>
        {value && <Summary configuration={value} />}
      </ViewHead>
      <p class={isBad ? "notice is-bad" : "notice"} role="status" ref={status} tabIndex={-1}>
        {notice}
      </p>
      {value && (
        <div class="configuration" ref={rows}>
          <div class="configuration-main">
            {isOpen && (
              <Panel title="Change">
                <Editor
                  inForce={value.inForce}
                  put={(proposed) => run(proposed).then(() => setOpen(false))}
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
                    // The button that was pressed is gone, and with it its label and the focus.
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

/**
 * Changes with their results; after each one, successful or not, the current version is loaded
 * again.
 */
function useChanges(reload: () => void) {
  const { api } = useApp();
  const [{ notice, isBad }, setNotice] = useState({ notice: "", isBad: false });
  async function report(change: Promise<ConfigurationVersion>): Promise<void> {
    try {
      const { version } = await change;
      setNotice({ notice: `Version ${version} is current.`, isBad: false });
    } finally {
      reload();
    }
  }
  return {
    notice,
    isBad,
    /** Rejects when the change is refused, so that the caller can show it in its own place. */
    run(proposed: NewConfiguration): Promise<void> {
      setNotice({ notice: "", isBad: false });
      return report(api.putConfiguration(proposed));
    },
    rollBack: (version: number, ifVersion: number): Promise<void> =>
      report(api.rollBackConfiguration({ version, ifVersion }))
        .catch((error: unknown) => setNotice({ notice: `${toMessage(error)}.`, isBad: true })),
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
