import type { RequestRow, ShownLine } from "../api_types.ts";

type Filters = Readonly<Record<string, string>>;
type Test<Item> = (item: Item, value: string) => boolean;

/**
 * The filters of the request list, by their names in the address and in the API. The API applies
 * them to stored items, these apply to those of the stream, and both must agree.
 */
export const requestFilters = {
  q: (row, value) => includes(row.path, value) || includes(row.traceId, value),
  method: (row, value) => row.method === value,
  status: (row, value) => isStatus(row.status, value),
  route: (row, value) => row.route === value,
  code: (row, value) => row.code === value,
  sub: (row, value) => row.sub === value,
  service: (row, value) => row.services.includes(value),
  minMs: (row, value) => (row.durationMs ?? 0) >= Number(value),
  own: (row, value) => value === "show" || !row.isOwn,
} as const satisfies Readonly<Record<string, Test<RequestRow>>>;

/** The filters of the log, in the same way. */
export const logFilters = {
  q: (line, value) =>
    includes(line.message, value) ||
    Object.values(line.fields).some((field) =>
      includes(typeof field === "string" ? field : JSON.stringify(field), value)
    ),
  level: (line, value) => value.split(",").includes(line.level),
  service: (line, value) => value.split(",").includes(line.service),
  traceId: (line, value) => line.traceId === value,
  own: (line, value) => value === "show" || !line.isOwn,
} as const satisfies Readonly<Record<string, Test<ShownLine>>>;

/**
 * Only the filters that a list supports, in the order of its table, and only those that are set.
 */
export function knownFilters(table: Readonly<Record<string, unknown>>, query: Filters): Filters {
  const names = Object.keys(table).filter((name) => (query[name] ?? "") !== "");
  return Object.fromEntries(names.map((name) => [name, query[name] ?? ""]));
}

/** Whether an item passes every filter that is set. */
export function passes<Item>(
  table: Readonly<Record<string, Test<Item>>>,
  filters: Filters,
  item: Item,
): boolean {
  return Object.entries(filters).every(([name, value]) => table[name]?.(item, value) ?? true);
}

function includes(text: string | null | undefined, part: string): boolean {
  return (text ?? "").toLowerCase().includes(part.toLowerCase());
}

/** `2xx` is a class, `404` one status. */
function isStatus(status: number | null, value: string): boolean {
  if (status === null) return false;
  return /^[1-5]xx$/.test(value)
    ? Math.floor(status / 100) === Number(value[0])
    : status === Number(value);
}
