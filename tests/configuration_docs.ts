import { readArguments } from "@edgepass/shared/runtime/deno";
import { configurationSchema } from "@edgepass/contracts/configuration";
import { defaultPolicy } from "@edgepass/shared/resilience";
import * as z from "zod/mini";
import { isObject, type Json } from "./support/json.ts";
import { writeFormatted } from "./support/write_formatted.ts";

/** One row of a table: path in the document, allowed values, and meaning. */
interface Row {
  readonly path: string;
  readonly value: string;
  readonly fallback: string;
  readonly meaning: string;
}

const intro = `# Configuration at run time

<!-- Generated from the schemas by \`deno task docs:configuration\`. -->

The environment defines an installation ([deploy.md](deploy.md)). One document, the central
configuration, changes its behaviour while it runs. An administrator publishes that document. Every
part of it is optional: for an omitted part the environment applies, and then the default.

\`\`\`sh
deno task config get
deno task config set gateway.logLevel debug
deno task config set gateway.routes.+ '{"prefix":"/echo","upstream":"http://127.0.0.1:9999","access":"public"}'
deno task config set 'gateway.revocation["/courses/{id}"]' '{"boundedMs":1000}'
deno task config unset gateway.logLevel
deno task config history
deno task config rollback 3
\`\`\`

The command changes the system that \`PORT\` and \`EDGEPASS_HOME\` name. It uses the administrator's
API, which every deployment has:

| call                                  | body                              | response                           |
| ------------------------------------- | --------------------------------- | ---------------------------------- |
| \`GET /admin/configuration\`          |                                   | the current version, its document  |
| \`PUT /admin/configuration\`          | \`{document,ifVersion?,comment?}\` | the current version                |
| \`GET /admin/configuration/history\`  |                                   | who changed what, newest first     |
| \`GET /admin/configuration/history/{version}\` |                           | a version and its document         |
| \`POST /admin/configuration/rollback\` | \`{version,ifVersion?}\`           | a new version with that document   |

In dev the dashboard shows the configuration at <http://127.0.0.1:8788/#/configuration>: each setting
with its value and its source (document, environment or default), the version that each program uses
by its own log, and every version with the changes that a rollback to it would make. The document can
be changed and rolled back there, always with \`ifVersion\` and as dev's administrator. Like the whole
dashboard this is for your own machine only, and only the dashboard's own script can make changes.
Changes made elsewhere appear automatically. In a deployment use the command or the API.

## Rules

- **Versions only increase.** Each accepted change gets the next version, a rollback too. An instance
  never returns to a lower version. A version without a document changes nothing.
- **An invalid document changes nothing.** It is refused with 422; the response lists each path and
  what is wrong there. The schema is strict: a misspelt name is refused, not ignored. Names of routes
  and dependencies are your own, so the schema cannot check them: the gateway writes a log line about
  routes that it does not have. Each instance validates its own part again after it has read it from Redis. If
  that part is invalid, the last valid version stays current, and a log line and
  \`edgepass_configuration_fetches_total\` report it. There an older program ignores names that it does
  not support, and applies the rest of the document.
- **It contains no secret.** Names that look like a secret are refused, and so are private keys.
- **Every change is recorded.** A version is a row in auth's database, with its author, its time and
  the changed paths. The log and the audit contain the same.
- **Redis has a copy.** It is written after the row, both keys at once, and never with a lower version.
  While Redis is unavailable the response is 503 \`store_unavailable\`: the version is stored, and
  the scheduled maintenance or a repetition of the request completes the change. An emptied Redis is
  rebuilt before it counts as complete.
- **A change that is based on an outdated version** is refused with 409, if the request has
  \`ifVersion\`.

## When a change takes effect

The gateway reads the version in the one round trip to Redis that checks a token, and applies that
version to the same request. The first request with a new version costs one more round trip, for the
document; concurrent requests wait for the same read. The Passport carries the version (\`cfg\`), so a
service loads a newer document before it serves the request with that Passport.

| request                                  | a change applies                                             |
| ---------------------------------------- | ------------------------------------------------------------ |
| on a route that reads Redis              | at once                                                      |
| on a path or method without a route      | at once; within 250 ms during a flood of such requests       |
| on a route with \`boundedMs\`            | with the next check of the token, within the bound           |
| on a public route                        | with the next request that reads Redis, or within 5 s and one request |
| the first one of an instance             | at once                                                      |
| in a service                             | when it applies to the gateway that forwarded the request    |

Before a response of 404 or 405 the gateway reads the version from Redis, so a newly added route serves
its first request. Anyone can send such requests, and each read is a billed command. So an instance
reads twenty times without delay and then four times a second: 345,600 commands in a day of flood.
Concurrent requests share a read.

While Redis is unavailable the last version stays current. If the document of a version is missing,
it is read again once a second. A service without \`UPSTASH_REDIS_REST_URL\` uses no document.

A route of the document replaces a route of the environment with the same prefix. If the life of
Passports is shorter than a route's \`timeoutMs\`, it limits that timeout. \`gateway.revocation\` and
\`gateway.limits.routes\` contain paths as they are in the route table (\`/courses/{id}\`, \`/echo/*\`);
the gateway logs a warning about a path that is not in the table. [rate-limits.md](rate-limits.md)
describes limits.
`;

/** The whole page, before formatting. */
export function createConfigurationPage(): string {
  const schema = z.toJSONSchema(configurationSchema, { unrepresentable: "any" });
  const parts = propertiesOf(schema);
  const services = propertiesOf(parts.services);
  return [
    intro,
    section("`gateway`", rowsOf(parts.gateway, "gateway")),
    "## `services`\n\nEach service has `logLevel` and `dependencies`, and its own settings.\n",
    table(
      Object.entries(services).flatMap(([name, service]) => rowsOf(service, `services.${name}`)),
    ),
    section("`keys`", rowsOf(parts.keys, "keys")),
    section("`passport`", rowsOf(parts.passport, "passport")),
    "## Policies of dependencies\n\nThe members of `dependencies.<name>`. For an omitted member the " +
    "dependency's own policy applies, and then the default of this table. " +
    "[resilience.md](resilience.md#choosing-numbers) describes how to choose.\n",
    table(policyRows(propertiesOf(parts.gateway).dependencies)),
  ].join("\n");
}

function section(title: string, rows: readonly Row[]): string {
  return `## ${title}\n\n${table(rows)}`;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ path, value, fallback, meaning }) =>
    `| \`${path}\` | ${value} | ${fallback} | ${meaning} |`
  );
  return ["| path | value | without it | meaning |", "| --- | --- | --- | --- |", ...lines, ""]
    .join("\n");
}

function rowsOf(schema: unknown, path: string): Row[] {
  if (!isObject(schema)) return [];
  const below = path.endsWith(".dependencies") ? [] : childrenOf(schema, path);
  const isNamed = typeof schema.description === "string";
  const own = isNamed || below.length === 0 ? [toRow(schema, path)] : [];
  return [...own, ...below];
}

function childrenOf(schema: Json, path: string): Row[] {
  if (isObject(schema.items)) {
    return Object.entries(propertiesOf(schema.items))
      .flatMap(([name, member]) => rowsOf(member, `${path}[].${name}`));
  }
  if (isObject(schema.additionalProperties)) {
    return Object.entries(propertiesOf(schema.additionalProperties))
      .flatMap(([name, member]) => rowsOf(member, `${path}.${placeholder(schema, path)}.${name}`));
  }
  return Object.entries(propertiesOf(schema))
    .flatMap(([name, member]) => rowsOf(member, `${path}.${name}`));
}

function toRow(schema: Json, path: string): Row {
  const { env, description } = schema;
  return {
    path,
    value: describeValue(schema, path),
    fallback: typeof env === "string" ? `\`${env}\`` : "",
    meaning: typeof description === "string" ? description : "",
  };
}

function describeValue(schema: Json, path: string): string {
  if (Array.isArray(schema.anyOf)) {
    return schema.anyOf.map((one) => describeValue(one, path)).join(" or ");
  }
  if (Array.isArray(schema.enum)) return schema.enum.map((one) => `\`${one}\``).join(", ");
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.type === "array") {
    const items = isObject(schema.items) ? describeValue(schema.items, path) : "values";
    return items === "an object" ? "a list of objects" : `a list of ${items}`;
  }
  if (isObject(schema.additionalProperties)) {
    const values = describeValue(schema.additionalProperties, path);
    return `by \`${placeholder(schema, path)}\`: ${values}`;
  }
  if (schema.type === "object") return describeObject(schema, path);
  if (schema.type === "integer") return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === "number") return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === "boolean") return "`true`, `false`";
  return "text";
}

/** Small objects of an alternative are shown in full. */
function describeObject(schema: Json, path: string): string {
  const members = Object.entries(propertiesOf(schema));
  const [[name, only] = ["", {}]] = members;
  if (members.length !== 1 || !isObject(only)) return "an object";
  return `\`{"${name}": …}\` with ${describeValue(only, path)}`;
}

function placeholder(schema: Json, path: string): string {
  if (path.startsWith("keys.")) return "<kid>";
  const { propertyNames } = schema;
  const pattern = isObject(propertyNames) ? String(propertyNames.pattern) : "";
  return pattern.startsWith("^\\/") ? "<route>" : "<name>";
}

/** Milliseconds and counts, with the platform's default where no row has a value. */
function policyRows(dependencies: unknown): Row[] {
  const policy = isObject(dependencies) ? dependencies.additionalProperties : undefined;
  return rowsOf(policy, "").map((row) => {
    const path = row.path.replace(/^\./, "");
    const [part = "", inner] = path.split(".");
    const own: Json = { ...defaultPolicy };
    const value = inner === undefined ? own[part] : isObject(own[part]) && own[part][inner];
    const fallback = value === undefined ? "the time limit" : `\`${value}\``;
    return { ...row, path, fallback, meaning: policyMeanings[path] ?? "" };
  });
}

const policyMeanings: Readonly<Record<string, string>> = {
  "timeoutMs": "Until the response begins, for each attempt; a route of the gateway has its own",
  "maxConcurrent": "Calls of one instance that wait for a response; more are refused at once",
  "retry.maxAttempts": "All attempts of a call; 1 means no retry",
  "retry.baseDelayMs": "Longest wait before the second attempt; it doubles with each",
  "retry.maxDelayMs": "Longest wait of all",
  "breaker.windowMs": "Calls that ended within this time are evaluated",
  "breaker.minimumCalls": "Fewer calls are never evaluated",
  "breaker.failureRatePercent": "It opens at this share of failed calls",
  "breaker.slowCallMs":
    "A call of this age is slow; at least the longest `timeoutMs` of the routes to it",
  "breaker.slowCallRatePercent": "It opens at this share of slow calls",
  "breaker.openMs": "How long it stays open, and the time between two probes",
  "breaker.permittedHalfOpenCalls": "Permitted probes, and the successes that close it",
};

function propertiesOf(schema: unknown): Json {
  return isObject(schema) && isObject(schema.properties) ? schema.properties : {};
}

if (import.meta.main) {
  readArguments({
    usage: "Usage: deno task docs:configuration\n\nWrites docs/configuration.md.",
    maxWords: 0,
  });
  await writeFormatted("docs/configuration.md", createConfigurationPage());
}
