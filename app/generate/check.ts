import { DeclarationError, type Described } from "./describe.ts";

/** What would belong to the gateway or another program of the platform. */
export const reserved: readonly string[] = [
  "admin",
  "app",
  "bench",
  "contracts",
  "control",
  "dev",
  "docs",
  "events",
  "gateway",
  "internal",
  "livez",
  "local",
  "login",
  "metrics",
  "openapi",
  "ops",
  "readyz",
  "recommender",
  "redis",
  "shared",
  "tests",
];

/**
 * Checks the declarations against each other.
 *
 * @throws {DeclarationError} with one line for each fault, which names file and member
 */
export function checkServices(described: readonly Described[]): void {
  const faults = [
    ...described.flatMap((one, at) => checkOne(one, described.slice(0, at), described)),
    ...findTwice(described, "routes", ({ prefixes }) => prefixes.filter((path) => path !== "/")),
    ...findTwice(
      described,
      "routes",
      ({ routes }) => routes.map(({ method, path }) => `${method} ${path}`),
    ),
    ...findTwice(described, "events", ({ publishes }) => publishes, "events.ts"),
  ];
  if (faults.length > 0) throw new DeclarationError(faults);
}

function checkOne(
  { folder, service, routes, prefixes, consumes }: Described,
  before: readonly Described[],
  all: readonly Described[],
): string[] {
  const file = `services/${folder}/service.ts`;
  const known = new Set(all.map((one) => one.folder));
  const published = new Set(all.flatMap(({ publishes }) => publishes));
  const earlier = new Set(before.map((one) => one.folder));
  return [
    ...service.name === folder ? [] : [`${file}: name: "${service.name}" is not its folder's name`],
    ...service.calls.flatMap((called) => {
      if (!known.has(called)) return [`${file}: calls: there is no service "${called}"`];
      return earlier.has(called)
        ? []
        : [`${file}: calls: "${called}" must come before "${folder}" in app/services.ts`];
    }),
    ...consumes.filter((type) => !published.has(type))
      .map((type) => `${file}: on: no service publishes "${type}"`),
    ...service.settings.filter((one) => one.secret === true && one.default !== undefined)
      .map(({ name }) => `${file}: settings: ${name} is a secret and has a default`),
    ...prefixes.filter((path) => reserved.includes(path.split("/")[1] ?? "") && folder !== "auth")
      .map((path) => `${file}: routes: "${path}" is reserved for the platform`),
    ...routes.filter(({ rule }) => rule === undefined)
      .map(({ method, path }) =>
        `services/${folder}/routes.ts: ${method} ${path}: the route has no access rule`
      ),
  ];
}

function findTwice(
  described: readonly Described[],
  member: string,
  list: (one: Described) => readonly string[],
  file = "service.ts",
): string[] {
  const owners = new Map<string, string>();
  return described.flatMap((one) =>
    list(one).flatMap((value) => {
      const owner = owners.get(value);
      owners.set(value, owner ?? one.folder);
      return owner === undefined || owner === one.folder
        ? []
        : [`services/${one.folder}/${file}: ${member}: "${value}" belongs to ${owner} already`];
    })
  );
}
