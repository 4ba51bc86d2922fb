/** The mark of a secret; it exists in types only. */
declare const secret: unique symbol;

/** A text that is sent where it belongs and shown nowhere: no logger takes it. */
export type Secret = string & { readonly [secret]: true };

/** Marks a text as a secret; the mark is the type's alone, the text stays as it is. */
export function toSecret(text: string): Secret {
  return text as Secret;
}
