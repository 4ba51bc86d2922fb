import { ApiError } from "./api.ts";

/** The filters of a list, and the requested page. */
export interface Query {
  /** Field → any of these values. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly fromDate?: number | undefined;
  readonly toDate?: number | undefined;
  readonly count: number;
  readonly cursor?: number | undefined;
  /** Values of the list's own ids; all other filters are ignored then, as documented. */
  readonly ids?: readonly string[] | undefined;
}

export interface QueryRules {
  /** The supported filters. */
  readonly fields: readonly string[];
  /** The parameter with ids: `dlqIds` or `messageIds`. */
  readonly ids: string;
  readonly maxCount: number;
}

/** An item with the fields that a query can filter by. */
export type Filterable = Readonly<Record<string, string | readonly string[] | undefined>>;

const commonFields = ["url", "topicName", "scheduleId", "queueName", "label", "callerIp"];
// Nothing has a flow control key here, so a filter by one finds nothing.
export const letterFields = [...commonFields, "flowControlKey"];
const paging = ["fromDate", "toDate", "count", "cursor"];
/** Older clients write it so; `api` has been without effect for long. */
const synonyms: Readonly<Record<string, string>> = { callerIP: "callerIp" };

/**
 * Reads filters, dates and paging; several values come as repeated parameters or with commas.
 *
 * @throws {ApiError} 400 for an unknown name or a malformed number
 */
export function readQuery(params: URLSearchParams, rules: QueryRules): Query {
  const fields = new Map<string, string[]>();
  for (const [given, value] of params) {
    const name = synonyms[given] ?? given;
    if (name === "async" && value !== "false") {
      throw new ApiError(501, "not supported locally: async=true");
    }
    if (paging.includes(name) || name === rules.ids || name === "async" || name === "api") continue;
    if (!rules.fields.includes(name)) throw new ApiError(400, `unknown query parameter ${given}`);
    fields.set(name, [...fields.get(name) ?? [], ...value.split(",")]);
  }
  const count = readInteger(params, "count") ?? 100;
  if (count < 1) throw new ApiError(400, "invalid query parameter count");
  return {
    fields,
    fromDate: readInteger(params, "fromDate"),
    toDate: readInteger(params, "toDate"),
    count: Math.min(count, rules.maxCount),
    cursor: readInteger(params, "cursor"),
    ids: params.has(rules.ids)
      ? params.getAll(rules.ids).flatMap((text) => text.split(",")).filter((id) => id !== "")
      : undefined,
  };
}

function readInteger(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new ApiError(400, `invalid query parameter ${name}`);
}

/** Whether an item of that time has, for every filter, one of its values. */
export function isMatch(query: Query, thing: Filterable, time: number): boolean {
  if (time < (query.fromDate ?? -Infinity) || time > (query.toDate ?? Infinity)) return false;
  for (const [name, values] of query.fields) {
    const has = [thing[name] ?? []].flat();
    if (!values.some((value) => has.includes(value))) return false;
  }
  return true;
}

/** A page of what matches, and where the next one begins. */
export function takePage<Item extends { readonly seq: number }>(
  { count, cursor }: Pick<Query, "count" | "cursor">,
  read: (from: number | undefined, limit: number) => Item[],
  matches: (item: Item) => boolean,
): { items: Item[]; cursor?: string } {
  const items: Item[] = [];
  const limit = 200;
  for (let from = cursor;;) {
    const part = read(from, limit);
    for (const item of part) {
      // One more than requested matches: there is a next page, and it begins after the last item of
      // this.
      if (items.length === count && matches(item)) {
        return { items, cursor: String(items.at(-1)?.seq) };
      }
      if (items.length < count && matches(item)) items.push(item);
    }
    if (part.length < limit) return { items };
    from = part.at(-1)?.seq;
  }
}
