import type { AttributeValue, Configuration } from "../api_types.ts";
import { listValues } from "./document_diff.ts";

/** A setting with its current value. */
export interface Setting {
  readonly path: string;
  /** Undefined where neither the document nor the environment has a value. */
  readonly value: AttributeValue | undefined;
  readonly from: "central" | "environment" | "default";
  /** The variable that has it in the environment. */
  readonly name?: string;
}

/** Settings of one section of the document. */
export interface Section {
  readonly name: string;
  readonly settings: readonly Setting[];
}

const order = ["gateway", "services", "keys", "passport"];

/**
 * All settings of the central document, and the environment's values of settings that it leaves
 * out, by section.
 */
export function listSections(
  { inForce, base }: Pick<Configuration, "inForce" | "base">,
): Section[] {
  const central = listValues(inForce.document);
  const centralPaths = new Set(central.map(({ path }) => path));
  const settings: Setting[] = [
    ...central.map(({ path, value }) => ({ path, value, from: "central" as const })),
    ...base.filter(({ path }) => !centralPaths.has(path)).map(({ path, name, value }) =>
      value === ""
        ? { path, name, value: undefined, from: "default" as const }
        : { path, name, value, from: "environment" as const }
    ),
  ];
  const sections = Map.groupBy(settings, ({ path }) => path.split(/[.[]/)[0] ?? "");
  return [...sections].map(([name, some]) => ({ name, settings: some.toSorted(byPath) }))
    .toSorted((a, b) => rank(a.name) - rank(b.name));
}

function rank(name: string): number {
  const at = order.indexOf(name);
  return at === -1 ? order.length : at;
}

function byPath(a: Setting, b: Setting): number {
  return a.path < b.path ? -1 : 1;
}
