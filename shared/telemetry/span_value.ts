import { mask } from "../log.ts";

type Scalar = string | number | boolean;

/** A value of an attribute; maps and bytes, which the API allows, are not accepted. */
export type SpanValue = Scalar | readonly Scalar[];

/** Longest text, in characters; the rest is cut. */
export const maxTextLength = 512;
const maxItems = 64;

/** The value within limits, or undefined for an unsupported value. */
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

/** Masked before it is cut: no pattern recognises half a token or address. */
export function limitText(text: string): string {
  return text.length <= maxTextLength ? text : mask(text).slice(0, maxTextLength);
}
