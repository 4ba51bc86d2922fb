import { commonPasswords } from "./common.ts";

/** Bounds of a password in code points, and of its text as sent in bytes. */
export const passwordBounds = { min: 8, max: 128, maxBytes: 1024 } as const;

/**
 * The one form of a password that is counted and hashed.
 *
 * NFKC, as NIST SP 800-63B §5.1.1.2 advises: keyboards and systems encode one character in several
 * ways, and the person must be able to log in from another device. Nothing is trimmed or cut.
 */
export function normalisePassword(password: string): string {
  return password.normalize("NFKC");
}

/** Whether a text is too long to be processed as a password at all. */
export function isOversized(password: string): boolean {
  return password.length > passwordBounds.maxBytes ||
    new TextEncoder().encode(password).length > passwordBounds.maxBytes;
}

/**
 * Why a text may not become a password, or undefined when it may.
 *
 * Length is counted in code points after normalisation, each as one character, as NIST SP 800-63B
 * §5.1.1.2 requires; there are no composition rules. The most common passwords, one character
 * repeated, and the person's own address are refused too.
 */
export function findPasswordFault(password: string, email: string): string | undefined {
  if (isOversized(password)) return "Must be at most 1 KiB";
  const normalised = normalisePassword(password);
  const length = [...normalised].length;
  if (length < passwordBounds.min || length > passwordBounds.max) {
    return `Must have ${passwordBounds.min} to ${passwordBounds.max} characters`;
  }
  if (!password.isWellFormed() || password.includes("\0")) return "Must be plain text";
  const folded = normalised.toLowerCase();
  const [localPart = ""] = email.split("@");
  if (folded === email || folded === localPart) return "Must not be the e-mail address";
  const isKnown = commonPasswords.has(folded) || new Set(folded).size === 1;
  return isKnown ? "Must not be one of the best-known passwords" : undefined;
}
