import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** One row a profile, or its tombstone. */
export const profiles = sqliteTable("profiles", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  headline: text("headline"),
  bio: text("bio"),
  avatarUrl: text("avatar_url"),
  locale: text("locale"),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
  closingAt: integer("closing_at"),
  erasedAt: integer("erased_at"),
});

/** People whom auth has published as disabled. */
export const disabledPeople = sqliteTable("disabled_people", {
  id: text("id").primaryKey(),
  disabledAt: integer("disabled_at").notNull(),
});
