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

<!-- Made of the schemas by \`deno task docs:configuration\`. -->

What an installation is comes from its environment ([deploy.md](deploy.md)); how it behaves can be
changed while it runs, by one document that an administrator puts in force. Every part of it is
optional. What it leaves out stays as the environment says, and what that leaves out has its
default.

\`\`\`sh
deno task config get
deno task config set gateway.logLevel debug
deno task config set gateway.routes.+ '{"prefix":"/echo","upstream":"http://127.0.0.1:9999","access":"public"}'
deno task config set 'gateway.revocation["/courses/{id}"]' '{"boundedMs":1000}'
deno task config unset gateway.logLevel
deno task config history
deno task config rollback 3
\`\`\`

The command changes the system that \`PORT\` and \`EDGEPASS_HOME\` name, by the administrator's API,
which any deployment has:

| call                                  | body                              | answer                             |
| ------------------------------------- | --------------------------------- | ---------------------------------- |
| \`GET /admin/configuration\`          |                                   | the version in force, its document |
| \`PUT /admin/configuration\`          | \`{document,ifVersion?,comment?}\` | the version in force               |
| \`GET /admin/configuration/history\`  |                                   | who changed what, newest first     |
| \`GET /admin/configuration/history/{version}\` |                           | a version and its document         |
| \`POST /admin/configuration/rollback\` | \`{version,ifVersion?}\`           | a new version with that document   |

In dev the page shows it at <http://127.0.0.1:8788/#/configuration>: each setting with its value and
whether the document, the environment or a default says it; which program has taken which version, by
its own log; and every version with what going back to it would change. There the document is changed
and rolled back too, always with \`ifVersion\`, as dev's administrator: like all of the page it is for
this machine alone, and changes are taken from its own script only. What was made elsewhere appears by
itself. A deployment has the command and the API.

## What holds

- **Versions only grow.** Each accepted change is the next one, a rollback too. An instance never
  goes back to a lower one, and a version that is missing changes nothing.
- **A document that does not fit changes nothing.** It is refused with 422, naming each place and
  what is wrong there. The schema is strict: a name written wrong is refused, not ignored; routes and
  dependencies have names of your own, and the gateway tells by a line of routes that it has not. What is in
  Redis is checked again by each instance for its own part; the last good version stays in force,
  and a line and \`edgepass_configuration_fetches_total\` say so. Names that an older program does not
  know are left aside there, and the rest of the document holds.
- **No secret is in it.** Names that look like one are refused, and so are private keys.
- **Who changed what is kept.** Every version is a row in auth's database, with its author, its time
  and the paths that differ; the same is a line of the log and a row of the audit.
- **Redis has a copy.** It is written after the row, both keys at once and never a lower version. While
  Redis is away the answer is 503 \`store_unavailable\`: the version is kept, and the sweep, or the same
  request again, goes on where it stopped. An emptied Redis is refilled before it counts as complete.
- **Who builds on a version that is in force no more** is refused with 409, where \`ifVersion\` is given.

## When it is in force

The gateway hears of the version in the one round trip to Redis that checks a token, and decides
about that very request by it; the first request that sees a new version costs one more round trip,
for the document, and others that come meanwhile wait for the same one. The version goes along in the
Passport (\`cfg\`), so a service fetches a newer one before it serves the request that tells of it.

| request                                  | follows                                                      |
| ---------------------------------------- | ------------------------------------------------------------ |
| on a route that asks Redis               | at once                                                      |
| on a path or method that no route has    | at once; within 250 ms while such requests are a flood       |
| on a route with \`boundedMs\`            | with the next check of its token, within its bound           |
| on a public route                        | with the next request that asks Redis, or within 5 s and one request |
| the first one of an instance             | at once                                                      |
| in a service                             | as the gateway that passed it on                             |

Before the answer is 404 or 405 Redis is asked for the version, so a route that was just added answers
its first request. Anybody can send such requests, and each question is a billed command: an instance
asks twenty times at once and then four times a second, 345,600 commands in a day of flood; requests
that come together share a question.

While Redis cannot be asked the last version stays in force. Redis is asked again for a document that
is not there once a second. A service without \`UPSTASH_REDIS_REST_URL\` follows no document.

A route of the document stands in for one of the environment with the same prefix. A life of Passports
that is shorter than a route's \`timeoutMs\` shortens that too. \`gateway.revocation\` and
\`gateway.limits.routes\` take paths as the route table has them (\`/courses/{id}\`, \`/echo/*\`); a path
that it does not have is named in a warning of the gateway. [rate-limits.md](rate-limits.md) has what limits
mean.
`;

/** The whole page, before formatting. */
export function createConfigurationPage(): string {
  const schema = z.toJSONSchema(configurationSchema, { unrepresentable: "any" });
  const parts = propertiesOf(schema);
  const services = propertiesOf(parts.services);
  return [
    intro,
    section("`gateway`", rowsOf(parts.gateway, "gateway")),
    "## `services`\n\nEach service has `logLevel` and `dependencies`; what is its own comes with it.\n",
    table(
      Object.entries(services).flatMap(([name, service]) => rowsOf(service, `services.${name}`)),
    ),
    section("`keys`", rowsOf(parts.keys, "keys")),
    section("`passport`", rowsOf(parts.passport, "passport")),
    "## Policies of dependencies\n\nWhat `dependencies.<name>` may say; the rest stays as the " +
    "dependency's own policy has it, and what that leaves out is what is named here. " +
    "[resilience.md](resilience.md) tells how to choose.\n",
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
  "timeoutMs": "Until the answer begins, for each attempt; a route of the gateway has its own",
  "maxConcurrent": "Calls of one instance that wait for an answer; more are refused at once",
  "retry.maxAttempts": "All attempts of a call; 1 means no retry",
  "retry.baseDelayMs": "Longest wait before the second attempt; it doubles with each",
  "retry.maxDelayMs": "No wait is longer",
  "breaker.windowMs": "Calls that ended in this time are judged",
  "breaker.minimumCalls": "Fewer calls are never judged",
  "breaker.failureRatePercent": "It opens where this share of calls failed",
  "breaker.slowCallMs":
    "A call of this age is slow; at least the longest `timeoutMs` of the routes to it",
  "breaker.slowCallRatePercent": "It opens where this share of calls was slow",
  "breaker.openMs": "How long it stays open, and the time between two probes",
  "breaker.permittedHalfOpenCalls": "Probes let through, and successes that close it",
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
