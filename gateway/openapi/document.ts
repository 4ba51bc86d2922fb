import { Problem } from "@edgepass/shared/problem";
import type { Upstream } from "@edgepass/shared/configuration";
import { createRouteTable, type Route, type RouteTable } from "../routes.ts";
import {
  type Components,
  createComponents,
  isObject,
  type Json,
  objectAt,
  objectsAt,
  resolve,
  textAt,
} from "./components.ts";
import { createDescribeFailure, failureComponents } from "./failures.ts";
import {
  type ExposedOperation,
  ownPaths,
  ownTag,
  securitySchemes,
  toClientOperation,
} from "./operations.ts";

/** What a merged document is built from. */
export interface OpenApiOptions {
  /** The routes to describe; `/openapi.json` is fetched from each of their upstreams. */
  readonly routes: readonly Route[];
  /** The one origin clients use; it also decides the cookie's name. */
  readonly publicOrigin: string;
  /** Title, version and licence of the merged document. */
  readonly info: OpenApiInfo;
  /** How long one service may take, in milliseconds. */
  readonly timeoutMs?: number;
  /** Epoch milliseconds; `Date.now` by default. */
  readonly now?: () => number;
}

/** What an API is called (OpenAPI 3.1 §4.8.2). */
export interface OpenApiInfo {
  /** Name of the API. */
  readonly title: string;
  /** Version of the document, not of OpenAPI. */
  readonly version: string;
  /** A few sentences, as CommonMark. */
  readonly description?: string;
  /** Name and SPDX identifier. */
  readonly license?: { readonly name: string; readonly identifier?: string };
}

/** The document of an upstream. */
interface ServiceDocument {
  readonly upstream: Upstream;
  readonly document: Json;
}

/**
 * Operations of a path item (OpenAPI 3.1 §4.8.9), without `trace`: the gateway forwards no TRACE.
 */
const methods = ["get", "put", "post", "delete", "options", "head", "patch"];

/** How long a document is cached, in milliseconds. */
const cachedMs = 60_000;

/**
 * Makes the one OpenAPI 3.1 document of everything behind a gateway, built on request and cached
 * for a minute.
 *
 * It holds the operations that the route table exposes and no others, as clients see them: in the
 * envelope, with the gateway's own refusals, and with the credentials that their access rule
 * requires.
 *
 * The returned function throws {Problem} `upstream_unavailable` when a service does not respond,
 * and `upstream_bad_response` when its response is not an OpenAPI document.
 */
export function createOpenApi(
  { routes, publicOrigin, info, timeoutMs = 5_000, now = Date.now }: OpenApiOptions,
): () => Promise<object> {
  const table = createRouteTable(routes, { maxTimeoutMs: Number.POSITIVE_INFINITY });
  const upstreams = [...new Set(routes.map(({ upstream }) => upstream))];
  let cached: { readonly document: Json; readonly madeAt: number } | undefined;

  return async function openApi() {
    // A clock that was set back must not keep a document until it catches up.
    if (cached && Math.abs(now() - cached.madeAt) < cachedMs) return cached.document;
    const documents = await Promise.all(
      upstreams.map((upstream) => readDocument(upstream, timeoutMs)),
    );
    const document = merge(documents, { table, publicOrigin, info });
    cached = { document, madeAt: now() };
    return document;
  };
}

async function readDocument(upstream: Upstream, timeoutMs: number): Promise<ServiceDocument> {
  const text = await fetchDocument(upstream, AbortSignal.timeout(timeoutMs)).catch(
    (cause: unknown) => {
      throw new Problem("upstream_unavailable", { cause });
    },
  );
  try {
    const document: unknown = JSON.parse(text);
    if (isObject(document) && isObject(document.paths)) return { upstream, document };
  } catch (cause) {
    throw new Problem("upstream_bad_response", { cause });
  }
  throw new Problem("upstream_bad_response", { cause: new TypeError("Document has no paths") });
}

async function fetchDocument(upstream: Upstream, signal: AbortSignal): Promise<string> {
  const response = await upstream.fetch("/openapi.json", { signal });
  if (response.status === 200) return await response.text();
  await response.body?.cancel();
  throw new TypeError(`Service responded ${response.status} for its OpenAPI document`);
}

function merge(
  documents: readonly ServiceDocument[],
  { table, publicOrigin, info }: Pick<OpenApiOptions, "publicOrigin" | "info"> & {
    readonly table: RouteTable;
  },
): Json {
  const components = createComponents(failureComponents);
  const describeFailure = createDescribeFailure((name, response) =>
    components.share("responses", name, response)
  );
  const paths = new Map<string, Json>();
  const tags = new Map<unknown, Json>();
  const operationIds = new Set<string>();
  for (const { upstream, document } of documents) {
    const service = textAt(objectAt(document, "info"), "title") ?? "Service";
    for (const exposed of adopt(components, service, { upstream, document, table })) {
      const { path, method } = exposed;
      const operation = withUniqueId(
        toClientOperation(exposed, describeFailure),
        service,
        operationIds,
      );
      paths.set(path, { ...paths.get(path), [method.toLowerCase()]: operation });
      for (const tag of describeTags(document, operation)) {
        if (!tags.has(tag.name)) tags.set(tag.name, tag);
      }
    }
  }
  const allPaths = { ...Object.fromEntries(paths), ...ownPaths(describeFailure) };
  return {
    openapi: "3.1.0",
    info,
    servers: [{ url: publicOrigin }],
    tags: [...tags.values(), ownTag],
    paths: allPaths,
    components: {
      ...components.reachableFrom(allPaths),
      securitySchemes: securitySchemes(publicOrigin),
    },
  };
}

/** The operations of a document that the route table routes to this upstream. */
function adopt(
  components: Components,
  service: string,
  { upstream, document, table }: ServiceDocument & { readonly table: RouteTable },
): ExposedOperation[] {
  const rewrite = components.adopt(service, document);
  const paths = objectAt(document, "paths");
  return Object.keys(paths).flatMap((path) => {
    const route = table.at(path.slice(1).split("/"));
    if (route?.upstream !== upstream) return [];
    const item = objectAt(paths, path);
    return methods.flatMap((key) => {
      const method = key.toUpperCase();
      const rule = route.ruleFor(method);
      if (rule === undefined || !isObject(item[key])) return [];
      return [{ path, method, route, rule, operation: rewrite(standalone(document, item, key)) }];
    });
  });
}

/**
 * An operation with the path item's shared parameters copied in and its response references
 * resolved.
 */
function standalone(document: Json, item: Json, method: string): Json {
  const operation = objectAt(item, method);
  const responses = objectAt(operation, "responses");
  const parameters = [...objectsAt(item, "parameters"), ...objectsAt(operation, "parameters")];
  return {
    ...operation,
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: Object.fromEntries(
      Object.keys(responses).map((status) => [
        status,
        resolve(document, objectAt(responses, status)),
      ]),
    ),
  };
}

function withUniqueId(operation: Json, service: string, taken: Set<string>): Json {
  const operationId = textAt(operation, "operationId");
  if (operationId === undefined) return operation;
  const unique = taken.has(operationId) ? `${service}_${operationId}` : operationId;
  taken.add(unique);
  return { ...operation, operationId: unique };
}

/** The tags of an operation; a tag without a description gets the service's. */
function describeTags(document: Json, operation: Json): Json[] {
  const names: readonly unknown[] = Array.isArray(operation.tags) ? operation.tags : [];
  const description = textAt(objectAt(document, "info"), "description");
  return names.map((name) =>
    objectsAt(document, "tags").find((tag) => tag.name === name) ??
      { name, ...(description === undefined ? {} : { description }) }
  );
}
