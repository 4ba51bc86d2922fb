import type { RolloutEntry } from "../api_types.ts";
import { useNow } from "../data/hooks.ts";
import { Icon } from "./icons.tsx";
import { Ago, Service } from "./small.tsx";

/** The version that each program has applied, by its own report. */
export function Rollout(
  { rollout, version }: { rollout: readonly RolloutEntry[]; version: number },
) {
  const now = useNow(10_000);
  return (
    <>
      <table class="plain holders">
        <thead>
          <tr>
            <th scope="col">Program</th>
            <th scope="col">Version</th>
            <th scope="col" class="number">Since</th>
          </tr>
        </thead>
        <tbody>
          {rollout.map((rolloutEntry) => (
            <tr key={rolloutEntry.service}>
              <th scope="row">
                <Service name={rolloutEntry.service} />
              </th>
              <td>
                <Taken rolloutEntry={rolloutEntry} version={version} />
              </td>
              <td class="number">
                {rolloutEntry.since !== null && <Ago at={rolloutEntry.since} now={now} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted holders-note">
        A program applies a version with its first request after the change, and writes that to its
        log; with a log level above info it writes nothing.
      </p>
    </>
  );
}

function Taken({ rolloutEntry, version }: { rolloutEntry: RolloutEntry; version: number }) {
  const { version: taken, refused } = rolloutEntry;
  return (
    <>
      {taken === null
        ? <span class="muted">none seen</span>
        : (
          <span class={`holder ${taken >= version ? "is-current" : "is-behind"}`}>
            <Icon name={taken >= version ? "ok" : "wait"} />
            {taken}
            {taken >= version ? null : <span class="muted">not yet {version}</span>}
          </span>
        )}
      {refused !== null && (
        <span class="holder is-refused">
          <Icon name="bad" />
          {refused} does not fit
        </span>
      )}
    </>
  );
}
