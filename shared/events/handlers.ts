import type { Handler } from "./consumer.ts";
import type { EventTable } from "./table.ts";

/** What a service does with what it hears. */
export interface Handlers {
  /** By type. */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** @throws {TypeError} a type that is for others, or one that has its handler */
  on(type: string, handler: Handler): void;
  /** @throws {TypeError} naming the types that have none */
  requireHandlers(): void;
}

/** Keeps the handlers of a service, for the types the table says it hears. */
export function createHandlers(service: string, table: EventTable): Handlers {
  const handlers = new Map<string, Handler>();
  const heard = Object.keys(table).filter((type) => table[type]?.consumers.includes(service));
  return {
    handlers,
    on(type, handler) {
      if (!heard.includes(type)) throw new TypeError(`Cannot hear ${type}: not for ${service}`);
      if (handlers.has(type)) throw new TypeError(`Cannot hear ${type} twice`);
      handlers.set(type, handler);
    },
    requireHandlers() {
      const missing = heard.filter((type) => !handlers.has(type));
      if (missing.length === 0) return;
      throw new TypeError(`Cannot start: ${service} has no handler for ${missing.join(", ")}`);
    },
  };
}
