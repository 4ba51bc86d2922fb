import { type Difference, listSections, type Setting } from "../logic/document.ts";
import type { AttributeValue, Configuration, RolloutEntry } from "../api_types.ts";
import { Ago, CopyButton, Icon, PlainTable, Service } from "./small.tsx";
import { toText } from "../logic/format.ts";
import { useNow } from "../data/hooks.ts";

const tryCommand = "deno task config set gateway.logLevel debug";

/** Each setting with its value and its source, and the document as it is. */
export function Settings({ configuration }: { configuration: Configuration }) {
  const { inForce } = configuration;
  const sections = listSections(configuration);
  return (
    <>
      {inForce.version === 0 && <Beginning />}
      {sections.length > 0 && (
        <PlainTable class="stacked settings" columns={["Setting", "Value", "Source"]}>
          {sections.map(({ name, settings }) => (
            <tbody key={name}>
              <tr class="settings-section">
                <th scope="rowgroup" colSpan={3}>{name}</th>
              </tr>
              {settings.map((setting) => <Row key={setting.path} setting={setting} />)}
            </tbody>
          ))}
        </PlainTable>
      )}
      {inForce.version > 0 && (
        <details class="document">
          <summary>The document as JSON</summary>
          <pre tabIndex={0} role="region" aria-label={`Document of version ${inForce.version}`}>
            {JSON.stringify(inForce.document, null, 2)}
          </pre>
        </details>
      )}
    </>
  );
}

function Row({ setting: { path, value, from, name } }: { setting: Setting }) {
  return (
    <tr>
      <th scope="row">
        <Path path={path} />
      </th>
      <td data-name="Value">
        {from === "default" ? <span class="muted">default</span> : <Value value={value} />}
      </td>
      <td data-name="Source">
        {from === "central"
          ? <span class="source-central">central document</span>
          : (
            <span class="muted">
              {from}: <code>{name}</code> {from === "default" && "is not set"}
            </span>
          )}
      </td>
    </tr>
  );
}

function Beginning() {
  return (
    <div class="empty">
      <p class="empty-title">No central configuration yet.</p>
      <p>
        One document can change routes, limits, policies, log levels, lifetimes and keys while
        everything runs; what it leaves out stays as set in the environment. Make the first change:
      </p>
      <p class="command-line">
        <code>{tryCommand}</code>
        <CopyButton text={tryCommand} label="Copy" />
      </p>
    </div>
  );
}

/** A path that may wrap after each step. */
export function Path({ path }: { path: string }) {
  const steps = path.split(/(?<=\.)|(?=\[)/);
  return <code class="path">{steps.map((step) => [step, <wbr key={step} />])}</code>;
}

/** A value of a document; a missing one is shown as such. */
export function Value({ value }: { value: AttributeValue | undefined }) {
  if (value === undefined) return <span class="muted">not set</span>;
  const short = JSON.stringify(value);
  const isLong = typeof value === "object" && short.length > 48;
  return <code class="value">{isLong ? JSON.stringify(value, null, 2) : toText(value)}</code>;
}

/** The differences between two documents, path by path. */
export function Differences(
  { differences, before, after }: {
    differences: readonly Difference[];
    /** The names of the two documents. */
    before: string;
    after: string;
  },
) {
  return (
    <PlainTable class="stacked differences" columns={["Setting", before, after]}>
      <tbody>
        {differences.map((one) => (
          <tr key={one.path}>
            <th scope="row">
              <Path path={one.path || "all of it"} />
            </th>
            <td data-name={before} class="is-before">
              <Value value={one.before} />
            </td>
            <td data-name={after} class="is-after">
              <Value value={one.after} />
            </td>
          </tr>
        ))}
      </tbody>
    </PlainTable>
  );
}

/** The version that each program has applied, by its own report. */
export function Rollout(
  { rollout, version }: { rollout: readonly RolloutEntry[]; version: number },
) {
  const now = useNow(10_000);
  return (
    <>
      <PlainTable class="rollout" columns={["Program", "Version", ["Since", "number"]]}>
        <tbody>
          {rollout.map((entry) => (
            <tr key={entry.service}>
              <th scope="row">
                <Service name={entry.service} />
              </th>
              <td>
                <Taken entry={entry} version={version} />
              </td>
              <td class="number">
                {entry.since !== null && <Ago at={entry.since} now={now} />}
              </td>
            </tr>
          ))}
        </tbody>
      </PlainTable>
      <p class="muted rollout-note">
        A program applies a version with its first request after the change, and writes that to its
        log; with a log level above info it writes nothing.
      </p>
    </>
  );
}

function Taken({ entry, version }: { entry: RolloutEntry; version: number }) {
  const { version: taken, refused } = entry;
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
          {refused} is invalid
        </span>
      )}
    </>
  );
}
