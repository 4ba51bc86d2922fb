import { listSections, type Setting } from "../logic/settings.ts";
import type { Configuration } from "../api_types.ts";
import { Path, Value } from "./differences.tsx";
import { CopyButton } from "./small.tsx";

const tryCommand = "deno task config set gateway.logLevel debug";

/** Each setting with its value and its source, and the document as it is. */
export function Settings({ configuration }: { configuration: Configuration }) {
  const { inForce } = configuration;
  const sections = listSections(configuration);
  return (
    <>
      {inForce.version === 0 && <Beginning />}
      {sections.length > 0 && (
        <table class="plain stacked settings">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
              <th scope="col">Source</th>
            </tr>
          </thead>
          {sections.map(({ name, settings }) => (
            <tbody key={name}>
              <tr class="settings-section">
                <th scope="rowgroup" colSpan={3}>{name}</th>
              </tr>
              {settings.map((setting) => <Row key={setting.path} setting={setting} />)}
            </tbody>
          ))}
        </table>
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
