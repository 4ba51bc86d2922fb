import type { Attributes } from "../api_types.ts";

/** A text as a document, or why it is invalid. */
export type DocumentReading = { readonly document: Attributes } | { readonly fault: string };

/** Reads typed text; whether the document is valid is for the server to decide. */
export function readDocument(text: string): DocumentReading {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { document: value } : { fault: "It must be an object: { … }" };
  } catch (error) {
    return { fault: `It is no JSON yet: ${error instanceof Error ? error.message : "unknown"}` };
  }
}

/** `JSON.parse` returns only JSON values. */
function isObject(value: unknown): value is Attributes {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
