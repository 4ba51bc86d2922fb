/** A middleware, of any copy of Hono. */
export type Middleware<Context extends object, Result> = (
  c: Context,
  next: () => Promise<void>,
) => Promise<Result>;

/**
 * The same middleware, run once for each request however often the router lists it.
 *
 * Hono's TrieRouter lists wildcard middleware twice for the literal path `/*`: the second run would
 * open a second trace, so that header, body and log disagree, and claim an idempotency key again.
 */
export function oncePerRequest<Context extends object, Result>(
  middleware: Middleware<Context, Result | void>,
): Middleware<Context, Result | void> {
  const begun = new WeakSet<Context>();
  return async function oncePerRequest(c, next) {
    if (begun.has(c)) return await next();
    begun.add(c);
    return await middleware(c, next);
  };
}
