import * as z from "zod/mini";
import { type LoggerOptions, type LogLevel, logLevels, type LogSink } from "./log.ts";
import { setting } from "./setting.ts";

/** The settings of every logger: a variable, and the runtime's line writer where it has one. */
export const logSettings = {
  LOG_LEVEL: setting(z._default(z.enum(logLevels), "info"), {
    meaning: "`debug`, `info`, `warn` or `error`",
  }),
  LOG_SINK: z.optional(z.custom<LogSink>((value) => typeof value === "function")),
};

/** The logger options for the settings. */
export function toLoggerOptions(
  { LOG_LEVEL, LOG_SINK }: { LOG_LEVEL: LogLevel; LOG_SINK?: LogSink | undefined },
): Pick<LoggerOptions, "level" | "sink"> {
  return { level: LOG_LEVEL, ...(LOG_SINK ? { sink: LOG_SINK } : {}) };
}
