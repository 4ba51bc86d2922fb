import { type ExternalRoute, toRoutePath } from "@edgepass/shared/configuration";
import { withoutUndefined } from "@edgepass/shared/defined";
import { urlUpstream } from "@edgepass/shared/upstream";
import type { Route } from "./routes.ts";

/** Foreign services take uploads as large as the edge platforms do. */
const externalMaxBodyBytes = 104_857_600;

/** The row of a service that lives elsewhere; a prefix is itself and everything below it. */
export function toRoute({ prefix, upstream, ...rest }: ExternalRoute): Route {
  return {
    maxBodyBytes: externalMaxBodyBytes,
    ...withoutUndefined(rest),
    path: toRoutePath(prefix),
    upstream: urlUpstream(upstream),
  };
}
