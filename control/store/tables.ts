import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/**
 * The control plane's tables, in `CONTROL_DB` (`migrations/`) or in the database of its host, whose
 * migrations create the same ones. Times are epoch milliseconds.
 */
export const revocations = sqliteTable("revocations", {
  level: text("level", { enum: ["token", "login", "subject", "key"] }).notNull(),
  id: text("id").notNull(),
  value: integer("value").notNull(),
  expiresAt: integer("expires_at").notNull(),
  pushed: integer("pushed", { mode: "boolean" }).notNull(),
  /** Set by triggers. */
  position: integer("position").notNull(),
}, (table) => [primaryKey({ columns: [table.level, table.id] })]);

/** One row. */
export const revocationLog = sqliteTable("revocation_log", {
  id: integer("id").primaryKey(),
  identity: text("identity").notNull(),
  position: integer("position").notNull(),
});

export const audit = sqliteTable("audit", {
  id: text("id").primaryKey(),
  at: integer("at").notNull(),
  actorId: text("actor_id").notNull(),
  targetId: text("target_id").notNull(),
  what: text("what").notNull(),
});

export const configurations = sqliteTable("configurations", {
  version: integer("version").primaryKey(),
  document: text("document").notNull(),
  changed: text("changed", { mode: "json" }).$type<string[]>().notNull(),
  authorId: text("author_id").notNull(),
  comment: text("comment"),
  createdAt: integer("created_at").notNull(),
  pushed: integer("pushed", { mode: "boolean" }).notNull(),
});
