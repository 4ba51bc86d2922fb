export type { After } from "./attempt.ts";
export type { FaultOptions, Faults } from "./faults.ts";
export type { Handler } from "./handler.ts";
export type { LogNote } from "./logs.ts";
export { openQstash, type Qstash, type QstashOptions } from "./qstash.ts";
export type { Random } from "./model.ts";
export { type QstashServer, serveQstash } from "./qstash.ts";
export type { SigningKeys } from "./signing_keys.ts";
