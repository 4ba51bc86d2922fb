import type { Attributes } from "../api_types.ts";

/** A text as a document, or why it is none. */
export type DocumentReading = { readonly document: Attributes } | { readonly fault: string };

/** Reads what somebody types; what a document may say is not judged here. */
export function readDocument(text: string): DocumentReading {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { document: value } : { fault: "It must be an object: { … }" };
  } catch (error) {
    return { fault: `It is no JSON yet: ${error instanceof Error ? error.message : "unknown"}` };
  }
}

/** What `JSON.parse` makes has JSON's values alone. */
function isObject(value: unknown): value is Attributes {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
