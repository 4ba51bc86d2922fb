import { type ForeignRoute, toRoutePath } from "@edgepass/shared/configuration";
import { withoutUndefined } from "@edgepass/shared/defined";
import { urlUpstream } from "@edgepass/shared/upstream";
import type { Route } from "./routes.ts";

/** Foreign services take uploads as large as the edge platforms do. */
const foreignMaxBodyBytes = 104_857_600;

/** The row of a service that lives elsewhere; a prefix is itself and everything below it. */
export function toRoute({ prefix, upstream, ...rest }: ForeignRoute): Route {
  return {
    maxBodyBytes: foreignMaxBodyBytes,
    ...withoutUndefined(rest),
    path: toRoutePath(prefix),
    upstream: urlUpstream(upstream),
  };
}
