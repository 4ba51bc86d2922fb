import { createLineLogger, type Logger, type LoggerOptions } from "../log.ts";
import { currentContext } from "./request_context.ts";

/**
 * A logger that writes one JSON object a line: `time`, `level`, `service`, `traceId` and `spanId`
 * of the current request, `message`, then the fields, none of which can override these.
 *
 * Values that must not be logged do not compile ({@link LogFields}), and what looks like a secret
 * or an address is masked (`shared/log.ts`). No field can make it throw.
 */
export function createLogger(options: LoggerOptions): Logger {
  return createLineLogger(options, () => currentContext()?.trace);
}
