/** The mark of a secret; it exists in types only. */
declare const secret: unique symbol;

/** A text that must not be logged: no logger accepts its type. */
export type Secret = string & { readonly [secret]: true };

/** Marks a text as a secret; the mark exists in the type only, the text is unchanged. */
export function toSecret(text: string): Secret {
  return text as Secret;
}
