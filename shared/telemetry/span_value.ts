import { mask } from "../log.ts";

type Scalar = string | number | boolean;

/** A value of an attribute; of what the API allows, maps and bytes are not taken. */
export type SpanValue = Scalar | readonly Scalar[];

/** Characters of a text that are kept. */
export const maxTextLength = 512;
const maxItems = 64;

/** The value within limits, or undefined for what cannot be one. */
export function limitValue(value: unknown): SpanValue | undefined {
  if (Array.isArray(value)) {
    return value.slice(0, maxItems).map(limitScalar).filter((item) => item !== undefined);
  }
  return limitScalar(value);
}

function limitScalar(value: unknown): Scalar | undefined {
  if (typeof value === "string") return limitText(value);
  return typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

/** Masked before it is cut: half a token or address is no longer seen to be one. */
export function limitText(text: string): string {
  return text.length <= maxTextLength ? text : mask(text).slice(0, maxTextLength);
}
