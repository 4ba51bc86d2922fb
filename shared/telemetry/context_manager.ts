import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, context, type ContextManager, ROOT_CONTEXT } from "@opentelemetry/api";

/**
 * Propagates the active span through asynchronous work.
 *
 * Not `@opentelemetry/context-async-hooks`: its `attach` and `disable` need functions that
 * workerd's storage lacks, and the rest of it wraps event emitters, which are not used here.
 */
export function createContextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (ctx, fn, thisArg, ...args) => storage.run(ctx, () => fn.apply(thisArg, args)),
    bind: (ctx, target) =>
      typeof target !== "function" ? target : new Proxy(target, {
        apply: (fn, self, args) => storage.run(ctx, () => Reflect.apply(fn, self, args)),
      }),
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

/**
 * Makes `context.active()` of the OpenTelemetry API follow asynchronous work in this isolate.
 *
 * An existing context manager, from another call or Deno's own, stays.
 */
export function registerContextManager(): void {
  context.setGlobalContextManager(createContextManager());
}
