/**
 * The rule of which unit may import which, as a lint plugin. It sees only import statements and
 * names: it prevents accidents, it is no proof. `architecture_test.ts` runs it over the tree, not
 * `deno lint`: Deno 2.9.5 and 2.9.6 crash in about one of eight such runs that have a plugin.
 */

/**
 * Unit → units whose packages it may import. A service is any folder of services/ except contracts;
 * auth mounts the control plane.
 */
const mayImport = {
  gateway: ["shared"],
  contracts: ["shared"],
  control: ["shared"],
  service: ["shared", "contracts"],
  auth: ["shared", "contracts", "control"],
  app: ["gateway", "control", "auth", "service", "contracts", "shared"],
  shared: [],
  dev: ["shared", "local", "gateway"],
  local: ["shared"],
  ops: ["shared"],
} as const satisfies Record<string, readonly string[]>;

type Unit = keyof typeof mayImport;

/**
 * The rooms of shared, lowest first: a room imports only from lower ranks and from itself, so none
 * depends on what is built upon it, and each can be read without those above. A room is a folder of
 * shared, or a file beside them.
 */
const rooms: readonly (readonly string[])[] = [
  ["problem", "crypto", "composition", "isolate"],
  ["log", "tokens", "passport"],
  ["telemetry"],
  ["context"],
  ["redis", "sql"],
  ["resilience"],
  ["configuration", "events"],
  ["http"],
  ["runtime"],
];

/** Package → the places that may import it. */
const confined: readonly (readonly [specifier: RegExp, places: RegExp])[] = [
  [
    /^(hono(\/|$)|@hono\/)/,
    /^(gateway\/|app\/|control\/(schema\.ts|routes\/)|shared\/(http\/|crypto\/jws\.ts)|dev\/|services\/contracts\/|services\/[a-z]+\/(mod|compose|events|schema|routes(\/|\.)|[a-z_]*routes|[a-z_]*schema))/,
  ],
  [
    /^drizzle-orm/,
    /^(control\/store\/|services\/[a-z]+\/(store(\/|\.)|[a-z_]*store|projections)|shared\/(sql|events)\/)/,
  ],
  [/^@upstash\/redis/, /^(shared\/redis\/|local\/redis\/)/],
  [/^@upstash\/qstash/, /^(shared\/events\/|local\/qstash\/)/],
  [/^node:sqlite/, /^(shared\/sql\/node_sqlite\.ts$|dev\/|local\/)/],
  [
    /^(cloudflare:|node:(?!async_hooks|assert))/,
    /^(shared\/runtime\/|shared\/sql\/|dev\/|local\/|ops\/)/,
  ],
  [/^zod$/, /^$/],
];

/** Names that exist in one runtime only. */
const runtimeNames = new Set(["Deno", "process", "WebSocketPair", "caches"]);
const runtimePlaces =
  /^(shared\/runtime\/|shared\/sql\/node_sqlite\.ts$|dev\/|local\/|bench\/|app\/generate\/|app\/[a-z_]*(deno|workerd|openapi|migrate)[a-z_]*\.ts$)/;

const root = new URL("../", import.meta.url).pathname;

export default {
  name: "edgepass",
  rules: {
    "imports": {
      create(context) {
        const file = relative(context.filename);
        if (file === undefined) return {};
        const check = (node: Deno.lint.Node, specifier: string): void => {
          const message = judge(file, specifier);
          if (message) context.report({ node, message });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source.value),
          ExportNamedDeclaration: (node) => node.source && check(node, node.source.value),
          ExportAllDeclaration: (node) => check(node, node.source.value),
          ImportExpression: (node) =>
            node.source.type === "Literal" && check(node, String(node.source.value)),
        };
      },
    },
    "runtime-names": {
      create(context) {
        const file = relative(context.filename);
        if (file === undefined || runtimePlaces.test(file)) return {};
        return {
          MemberExpression(node) {
            if (node.object.type !== "Identifier" || !runtimeNames.has(node.object.name)) return;
            context.report({
              node,
              message: `${node.object.name} belongs to one runtime: use shared/runtime`,
            });
          },
        };
      },
    },
  },
} satisfies Deno.lint.Plugin;

/** The path inside the repository; undefined for tests, which may import everything. */
function relative(filename: string): string | undefined {
  if (!filename.startsWith(root)) return undefined;
  const file = filename.slice(root.length);
  return file.startsWith("tests/") || file.endsWith("_test.ts") ? undefined : file;
}

function judge(file: string, specifier: string): string | undefined {
  const unit = unitOf(file);
  if (!unit) return undefined;
  if (specifier.startsWith("@edgepass/")) {
    const [, name = ""] = specifier.split("/");
    const target = unitOfPackage(name);
    const own = name === file.split("/").at(file.startsWith("services/") ? 1 : 0);
    const allowed: readonly string[] = mayImport[unit];
    if (own) return `Imports its own unit by name: use a relative path`;
    // The table of events is made of the types that each service publishes.
    if (unit === "contracts" && target !== "shared" && specifier.endsWith("/events")) {
      return undefined;
    }
    return allowed.includes(target) ? undefined : `${unit} may not import ${specifier}`;
  }
  if (specifier.startsWith(".")) return leavesUnit(file, specifier) ?? breaksRank(file, specifier);
  const rule = confined.find(([pattern]) => pattern.test(specifier));
  return rule && !rule[1].test(file) ? `${specifier} has no place in ${file}` : undefined;
}

function leavesUnit(file: string, specifier: string): string | undefined {
  const target = new URL(specifier, `file:///${file}`).pathname.slice(1);
  const workspace = (path: string) =>
    path.startsWith("services/") ? path.split("/")[1] : path.split("/")[0];
  return workspace(file) === workspace(target)
    ? undefined
    : `${specifier} leaves the unit: use its package name`;
}

function breaksRank(file: string, specifier: string): string | undefined {
  const target = new URL(specifier, `file:///${file}`).pathname.slice(1);
  const [from, to] = [roomOf(file), roomOf(target)];
  if (from === undefined || to === undefined || from === to) return undefined;
  const [own, other] = [from, to].map((room) => rooms.findIndex((rank) => rank.includes(room)));
  if (own === undefined || own < 0) {
    return `${from} has no rank: give it one in tests/architecture.ts`;
  }
  return other !== undefined && other >= 0 && other < own
    ? undefined
    : `${from} may not import ${to}: only rooms of lower rank`;
}

/** The room of a file of shared. */
function roomOf(file: string): string | undefined {
  return /^shared\/(\w+)/.exec(file)?.[1];
}

function unitOf(file: string): Unit | undefined {
  const [top = "", second = ""] = file.split("/");
  if (top === "services") return unitOfPackage(second);
  return top in mayImport ? top as Unit : undefined;
}

function unitOfPackage(name: string): Unit {
  return name in mayImport ? name as Unit : "service";
}
