import {
  type ExternalRoute,
  toRoutePath,
  urlUpstream,
  withoutUndefined,
} from "@edgepass/shared/configuration";
import type { Route } from "./routes.ts";

/** External services may get uploads as large as the edge platforms accept. */
const externalMaxBodyBytes = 104_857_600;

/** The route of an external service; a prefix matches itself and everything below it. */
export function toRoute({ prefix, upstream, ...rest }: ExternalRoute): Route {
  return {
    maxBodyBytes: externalMaxBodyBytes,
    ...withoutUndefined(rest),
    path: toRoutePath(prefix),
    upstream: urlUpstream(upstream),
  };
}
