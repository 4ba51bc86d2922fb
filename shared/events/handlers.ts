import type { Handler } from "./consumer.ts";
import type { EventTable } from "./table.ts";

/** The event handlers of a service. */
export interface Handlers {
  /** By type. */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** @throws {TypeError} for a type of other consumers, or one that has a handler already */
  on(type: string, handler: Handler): void;
  /** @throws {TypeError} naming the types without a handler */
  requireHandlers(): void;
}

/** Creates the registry of a service's handlers, for the types it consumes by the table. */
export function createHandlers(service: string, table: EventTable): Handlers {
  const handlers = new Map<string, Handler>();
  const consumed = Object.keys(table).filter((type) => table[type]?.consumers.includes(service));
  return {
    handlers,
    on(type, handler) {
      if (!consumed.includes(type)) {
        throw new TypeError(`Cannot handle ${type}: not for ${service}`);
      }
      if (handlers.has(type)) throw new TypeError(`Cannot handle ${type} twice`);
      handlers.set(type, handler);
    },
    requireHandlers() {
      const missing = consumed.filter((type) => !handlers.has(type));
      if (missing.length === 0) return;
      throw new TypeError(`Cannot start: ${service} has no handler for ${missing.join(", ")}`);
    },
  };
}
