import type { Difference } from "../logic/document_diff.ts";
import { toText } from "../logic/format.ts";
import type { AttributeValue } from "../api_types.ts";

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
    <table class="plain stacked differences">
      <thead>
        <tr>
          <th scope="col">Setting</th>
          <th scope="col">{before}</th>
          <th scope="col">{after}</th>
        </tr>
      </thead>
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
    </table>
  );
}
