import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** The tables as `migrations/` makes them; times are epoch milliseconds. */
export const accounts = sqliteTable("accounts", {
  id: text("id").primaryKey(),
  email: text("email").unique(),
  name: text("name"),
  passwordHash: text("password_hash"),
  passwordChangedAt: integer("password_changed_at").notNull(),
  roles: text("roles", { mode: "json" }).$type<string[]>().notNull(),
  disabled: integer("disabled", { mode: "boolean" }).notNull(),
  closedAt: integer("closed_at"),
  uv: integer("uv").notNull(),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});

export const addressClaims = sqliteTable("address_claims", {
  email: text("email").primaryKey(),
  expiresAt: integer("expires_at").notNull(),
});

export const logins = sqliteTable("logins", {
  sid: text("sid").primaryKey(),
  accountId: text("account_id").notNull().references(() => accounts.id),
  createdAt: integer("created_at").notNull(),
  lastUsedAt: integer("last_used_at").notNull(),
  expiresAt: integer("expires_at").notNull(),
  authTime: integer("auth_time").notNull(),
  amr: text("amr", { mode: "json" }).$type<string[]>().notNull(),
  userAgent: text("user_agent"),
  endedAt: integer("ended_at"),
  endedBy: text("ended_by"),
}, (table) => [index("logins_by_account").on(table.accountId, table.sid)]);

export const refreshTokens = sqliteTable("refresh_tokens", {
  hash: text("hash").primaryKey(),
  sid: text("sid").notNull().references(() => logins.sid, { onDelete: "cascade" }),
  parentHash: text("parent_hash"),
  state: text("state", { enum: ["active", "used"] }).notNull(),
  createdAt: integer("created_at").notNull(),
  usedAt: integer("used_at"),
  expiresAt: integer("expires_at").notNull(),
});

export const loginAttempts = sqliteTable("guesses", {
  key: text("key").primaryKey(),
  count: integer("count").notNull(),
  expiresAt: integer("expires_at").notNull(),
});

export const knownNetworks = sqliteTable("known_networks", {
  accountId: text("account_id").notNull().references(() => accounts.id),
  network: text("network").notNull(),
  lastLoginAt: integer("last_login_at").notNull(),
}, (table) => [primaryKey({ columns: [table.accountId, table.network] })]);
