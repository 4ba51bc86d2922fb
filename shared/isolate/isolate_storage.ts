import { AsyncLocalStorage } from "node:async_hooks";

/**
 * The storage of this name in this isolate, shared by all copies of this module.
 *
 * A bundler or a registry may load this package twice. With a storage for each copy the middleware
 * of one would open a request's context and the client of the other would find none. Raise the
 * number when a stored shape changes, so that two versions do not read each other's values.
 */
export function isolateStorage<Value>(name: string): AsyncLocalStorage<Value> {
  const key = Symbol.for(`edgepass.${name}.1`);
  const found: AsyncLocalStorage<Value> | undefined = Reflect.get(globalThis, key);
  if (found) return found;
  const storage = new AsyncLocalStorage<Value>();
  Reflect.set(globalThis, key, storage);
  return storage;
}
