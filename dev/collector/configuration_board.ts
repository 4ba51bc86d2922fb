import * as z from "zod/mini";
import { ApiFailure } from "../system/api_client.ts";
import type { AdminApi } from "./admin_api.ts";
import type { Attributes, AttributeValue } from "./api.ts";
import type {
  BaseSetting,
  Configuration,
  ConfigurationChange,
  ConfigurationHistory,
  ConfigurationVersion,
  RolloutEntry,
} from "./configuration_api.ts";
import { Refusal } from "./refusal.ts";

/** The central configuration, read and changed by the administrator's API. */
export interface ConfigurationBoard {
  /** @throws {Refusal} with why it cannot be read, also from the others */
  read(): Promise<Configuration>;
  rollout(): readonly RolloutEntry[];
  /** A page of versions; `cursor` is the `next` of the one before. */
  history(query: URLSearchParams): Promise<ConfigurationHistory>;
  find(version: string): Promise<ConfigurationVersion>;
  /**
   * Makes a document the current one. @throws {Refusal} 409, 422 with details, and nothing is
   * changed
   */
  change(body: unknown): Promise<ConfigurationVersion>;
  /** Makes the document of an older version the current one again. */
  rollBack(body: unknown): Promise<ConfigurationVersion>;
}

export interface ConfigurationBoardOptions {
  /** Undefined where dev does not have the administrator's login. */
  readonly admin: AdminApi | undefined;
  readonly base: readonly BaseSetting[];
  readonly rollout: () => readonly RolloutEntry[];
  /** A version became current. */
  readonly onChange: (version: number) => void;
}

const path = "/admin/configuration";
const pageSize = 20;

const time = z.pipe(
  z.nullable(z.string()),
  z.transform((text) => text === null ? null : Date.parse(text)),
);
const Change = z.object({
  version: z.number(),
  changedAt: time,
  changedBy: z.nullable(z.string()),
  comment: z.nullable(z.string()),
  changed: z.array(z.string()),
});
const json: z.ZodMiniType<AttributeValue> = z.lazy(() =>
  z.union([
    z.string(),
    z.number(),
    z.boolean(),
    z.null(),
    z.array(json),
    z.record(z.string(), json),
  ])
);
const Document: z.ZodMiniType<Attributes> = z.record(z.string(), json);
const Version = z.extend(Change, { document: Document });
const History = z.object({ items: z.array(Change), nextCursor: z.nullable(z.string()) });

/** A change names the version it is based on, so that no concurrent change is lost. */
const ifVersion = z.int().check(z.gte(0));
const NewDocument = z.strictObject({
  document: z.record(z.string(), z.unknown()),
  ifVersion,
  comment: z.optional(z.string()),
});
const Rollback = z.strictObject({ version: z.int().check(z.gte(1)), ifVersion });

/** Makes the board of a system. */
export function createConfigurationBoard(
  { admin, base, rollout, onChange }: ConfigurationBoardOptions,
): ConfigurationBoard {
  async function callAdmin<Schema extends z.ZodMiniType>(
    schema: Schema,
    [method, at, body]: readonly [method: string, path: string, body?: unknown],
  ): Promise<z.output<Schema>> {
    if (!admin) throw new Refusal(409, "The administrator is unknown: use deno task config");
    const received = await admin.call(method, at, body).catch(refuse);
    const { success, data } = z.safeParse(schema, received);
    if (!success) throw new Refusal(502, "The gateway returned an unexpected response");
    return data;
  }

  async function put(
    request: readonly [method: string, path: string, body: unknown],
  ): Promise<ConfigurationVersion> {
    const inForce = await callAdmin(Version, request);
    onChange(inForce.version);
    return inForce;
  }

  async function history(cursor: string | null): Promise<ConfigurationHistory> {
    const query = new URLSearchParams({ limit: String(pageSize), ...(cursor ? { cursor } : {}) });
    const { items, nextCursor } = await callAdmin(History, ["GET", `${path}/history?${query}`]);
    return { items: items satisfies ConfigurationChange[], next: nextCursor };
  }

  return {
    async read() {
      const inForce = await callAdmin(Version, ["GET", path]);
      const versions = await history(null);
      return { inForce, history: versions, base, administratorId: admin?.userId() ?? null };
    },
    rollout,
    history: (query) => history(query.get("cursor")),
    find: (version) =>
      callAdmin(Version, ["GET", `${path}/history/${encodeURIComponent(version)}`]),
    change: async (body) => await put(["PUT", path, readBody(NewDocument, body)]),
    rollBack: async (body) => await put(["POST", `${path}/rollback`, readBody(Rollback, body)]),
  };
}

function readBody<Schema extends z.ZodMiniType>(schema: Schema, body: unknown): z.output<Schema> {
  const { data, error } = z.safeParse(schema, body);
  if (!error) return data;
  const [issue] = error.issues;
  throw new Refusal(400, `${issue?.path.join(".") || "The body"} is invalid`);
}

/** What an administrator who changes something can do about it. */
function refuse(error: unknown): never {
  if (!(error instanceof ApiFailure)) throw error;
  const { status, code } = error;
  if (code === "conflict") {
    throw new Refusal(409, "Another version became current in the meantime; nothing was changed");
  }
  if (code === "not_found") throw new Refusal(404, "There is no such version");
  if (code === "validation_failed") {
    const details = error.details.map(({ path: at, message }) => ({
      path: at.replace(/^document\.?/, ""),
      message,
    }));
    throw new Refusal(422, "The document is invalid; nothing was changed", {}, details);
  }
  if (code === "store_unavailable" && status === 503) {
    throw new Refusal(
      503,
      "The version is stored, but not current yet: Redis or the database is unavailable",
    );
  }
  throw new Refusal(502, error.message);
}
