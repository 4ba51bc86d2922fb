import type { ConfigurationHolder } from "../wire.ts";
import { useNow } from "../data/hooks.ts";
import { Icon } from "./icons.tsx";
import { Ago, Service } from "./small.tsx";

/** Which version each program has taken, by its own words. */
export function Holders(
  { holders, version }: { holders: readonly ConfigurationHolder[]; version: number },
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
          {holders.map((holder) => (
            <tr key={holder.service}>
              <th scope="row">
                <Service name={holder.service} />
              </th>
              <td>
                <Taken holder={holder} version={version} />
              </td>
              <td class="number">{holder.since !== null && <Ago at={holder.since} now={now} />}</td>
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

function Taken({ holder, version }: { holder: ConfigurationHolder; version: number }) {
  const { version: taken, refused } = holder;
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
