import * as z from "zod/mini";
import { type Bindings, readConfig } from "../composition/settings.ts";
import { noopTelemetry } from "./noop.ts";
import type { Telemetry } from "./telemetry.ts";

/**
 * The binding `TELEMETRY`: the telemetry that the runtime's adapter created for the whole program.
 */
export const telemetrySetting = z.optional(
  z.custom<Telemetry>(isTelemetry, "must be made by the runtime"),
);

const Settings = z.object({ TELEMETRY: telemetrySetting });

/**
 * The telemetry of this program: the bound one, or a noop whose spans go to the global provider of
 * the OpenTelemetry API and whose metrics are discarded.
 *
 * @throws {ConfigError} if the binding is something else
 */
export function readTelemetry(bindings: Bindings): Telemetry {
  return readConfig(Settings, bindings).TELEMETRY ?? noopTelemetry();
}

function isTelemetry(value: unknown): boolean {
  return typeof value === "object" && value !== null && "tracer" in value && "metrics" in value;
}
