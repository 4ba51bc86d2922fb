import {
  actorOf,
  createApi,
  createRoute,
  jsonBody,
  jsonResponse,
  ListQuery,
  type ServiceApp,
  toTime,
} from "@edgepass/shared/http";
import { readCursor, toPage } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import {
  Configuration as ConfigurationAnswer,
  ConfigurationHistory,
  NewConfiguration,
  Rollback,
  VersionParam,
} from "../schema.ts";
import type { Configuration, Configurations } from "../configurations.ts";
import type { ConfigurationChange } from "../store/configurations.ts";

const Position = z.tuple([z.int()]);

const tags = ["Administration"];

/** A pipeline with a client's token administers too; the audit names it with its kind. */
const administrators = { access: { roles: ["admin"] }, subjects: ["user", "client"] } as const;

/** Not rate limited: an administrator who set a limit too low must be able to reset it. */
const operation = { rateLimited: false } as const;

const read = createRoute({
  method: "get",
  path: "/admin/configuration",
  ...administrators,
  gateway: operation,
  operationId: "readConfiguration",
  summary: "Read the central configuration",
  tags,
  responses: { 200: jsonResponse("The version in force; 0 is none", ConfigurationAnswer) },
  problems: ["store_unavailable"],
});

const change = createRoute({
  method: "put",
  path: "/admin/configuration",
  ...administrators,
  gateway: operation,
  operationId: "changeConfiguration",
  summary: "Put a central configuration in force",
  description:
    "In force with the answer, without a restart: each instance follows with the first " +
    "request by which it hears of the version. A document that does not fit changes nothing.",
  tags,
  request: jsonBody(NewConfiguration),
  responses: { 200: jsonResponse("The version in force", ConfigurationAnswer) },
  problems: ["conflict", "store_unavailable"],
});

const history = createRoute({
  method: "get",
  path: "/admin/configuration/history",
  ...administrators,
  gateway: operation,
  operationId: "listConfigurations",
  summary: "List the versions of the central configuration, newest first",
  tags,
  request: { query: ListQuery },
  responses: { 200: jsonResponse("A page of versions", ConfigurationHistory) },
  problems: ["store_unavailable"],
});

const readVersion = createRoute({
  method: "get",
  path: "/admin/configuration/history/{version}",
  ...administrators,
  gateway: operation,
  operationId: "readConfigurationVersion",
  summary: "Read a version of the central configuration, in force or not",
  tags,
  request: { params: VersionParam },
  responses: { 200: jsonResponse("The version", ConfigurationAnswer) },
  problems: ["not_found", "store_unavailable"],
});

const rollBack = createRoute({
  method: "post",
  path: "/admin/configuration/rollback",
  ...administrators,
  gateway: operation,
  operationId: "rollBackConfiguration",
  summary: "Put the document of an older version in force again, as a new version",
  tags,
  request: jsonBody(Rollback),
  responses: { 200: jsonResponse("The version in force", ConfigurationAnswer) },
  problems: ["not_found", "conflict", "store_unavailable"],
});

/** The administration of the central configuration. */
export function configurationRoutes(configurations: Configurations): ServiceApp {
  return createApi()
    .openapi(read, async (c) => {
      return c.json(toResponse(await configurations.read()), 200);
    })
    .openapi(change, async (c) => {
      const actorId = actorOf(c.var.passport);
      const input = { ...c.req.valid("json"), actorId };
      return c.json(toResponse(await configurations.change(input)), 200);
    })
    .openapi(history, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const found = await configurations.history({
        limit: limit + 1,
        ...(cursor === undefined ? {} : { before: readCursor(Position, cursor)[0] }),
      });
      const toPosition = ({ version }: ConfigurationChange) => [version];
      return c.json(toPage(found, { limit, toItem: toChange, toPosition }), 200);
    })
    .openapi(readVersion, async (c) => {
      return c.json(toResponse(await configurations.find(c.req.valid("param").version)), 200);
    })
    .openapi(rollBack, async (c) => {
      const actorId = actorOf(c.var.passport);
      const input = { ...c.req.valid("json"), actorId };
      return c.json(toResponse(await configurations.rollBack(input)), 200);
    });
}

function toResponse(configuration: Configuration) {
  return { ...toChange(configuration), document: configuration.document };
}

function toChange(
  { version, changed, authorId, comment, createdAt }: Configuration | ConfigurationChange,
) {
  return {
    version,
    changedAt: toTime(createdAt),
    changedBy: authorId,
    comment,
    changed: [...changed],
  };
}
