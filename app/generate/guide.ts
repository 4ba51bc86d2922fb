import type { Described } from "./describe.ts";
import { writeSettingsTable } from "./settings.ts";

/** The guide, docs/deploy.md, with what follows from the declarations between its markers. */
export function writeGuide(text: string, services: readonly Described[]): string {
  const ordered = orderByCalls(services);
  const sections: Readonly<Record<string, string>> = {
    settings: writeSettingsTable(services),
    databases: fence(listDatabases(services).map((name) => `deno task wrangler d1 create ${name}`)),
    deployment: fence([
      "deno task build:workers",
      "",
      ...listDatabases(services)
        .map((name) => `deno task wrangler d1 migrations apply ${name} --remote`),
      "",
      "deno task deploy --secrets-file production.env",
    ]),
    "split deployment": fence(writeSplit(ordered)),
    processes: writeProcesses(ordered),
  };
  return Object.entries(sections).reduce(
    (guide, [name, section]) =>
      replaceBetween({ path: "docs/deploy.md", text: guide }, name, section),
    text,
  );
}

/**
 * A document with a section between its two markers, which stay.
 *
 * @throws {TypeError} naming the document that does not have them
 */
export function replaceBetween(
  { path, text }: { readonly path: string; readonly text: string },
  name: string,
  section: string,
): string {
  const [begin, end] = [
    `<!-- ${name}: written by deno task generate -->`,
    `<!-- end of ${name} -->`,
  ];
  const [head, rest] = text.split(begin);
  const [, tail] = (rest ?? "").split(end);
  if (head === undefined || tail === undefined) {
    throw new TypeError(`${path} has no lines ${begin} and ${end}`);
  }
  return `${head}${begin}\n\n${section}\n\n${end}${tail}`;
}

function fence(lines: readonly string[]): string {
  return ["```sh", ...lines, "```"].join("\n");
}

function listDatabases(services: readonly Described[]): string[] {
  return services.filter(({ service }) => service.database !== undefined)
    .map(({ folder }) => `edgepass-${folder}`);
}

/** Each after those that it calls: a binding needs an existing Worker. */
function orderByCalls(services: readonly Described[]): Described[] {
  const ordered = new Set<Described>();
  const visit = (one: Described) => {
    for (const called of services) {
      if (one.calls.includes(called.folder) && !ordered.has(called)) visit(called);
    }
    ordered.add(one);
  };
  services.forEach(visit);
  return [...ordered];
}

/** A service gets only the secrets that it reads: auth signs, the others have few of their own. */
function writeSplit(services: readonly Described[]): string[] {
  const common = "PASSPORT_KEYS|UPSTASH_REDIS_REST_TOKEN|QSTASH_[A-Z_]+";
  const special = services.filter((one) => one.folder !== "auth" && listSecrets(one).length > 0);
  const fileOf = (one: Described) =>
    one.folder === "auth" ? "production" : special.includes(one) ? one.folder : "service";
  return [
    "grep -E '^(PASSPORT_KEYS|QSTASH_[A-Z_]+)=' production.env > service.env",
    `echo "UPSTASH_REDIS_REST_TOKEN='<the read-only token>'" >> service.env`,
    "grep -E '^(PASSPORT_KEYS|UPSTASH_REDIS_REST_TOKEN)=' production.env > gateway.env",
    ...special.flatMap((one) => [
      `grep -E '^(${[common, ...listSecrets(one)].join("|")})=' production.env \\`,
      `  > ${one.folder}.env`,
    ]),
    "",
    ...services.filter(({ service }) => service.database !== undefined).map(({ folder }) =>
      `deno task wrangler d1 migrations apply edgepass-${folder} --remote --config services/${folder}/wrangler.toml`
    ),
    "",
    ...services.map((one) =>
      `deno task deploy --config services/${one.folder}/wrangler.toml --secrets-file ${
        fileOf(one)
      }.env`
    ),
    "deno task deploy --config wrangler.split.toml --secrets-file gateway.env",
  ];
}

function listSecrets({ service }: Described): string[] {
  return service.settings.filter(({ secret }) => secret === true).map(({ name }) => name);
}

function writeProcesses(services: readonly Described[]): string {
  const placeOf = new Map(services.map(({ folder, service }) => [folder, service.place]));
  return [
    "| process | needs of the others |",
    "| -- | -- |",
    ...services.map(({ folder, calls }) =>
      `| ${folder} | ${calls.map((called) => `\`${placeOf.get(called)}\``).join(", ")} |`
    ),
    "| gateway | all services |",
  ].join("\n");
}
