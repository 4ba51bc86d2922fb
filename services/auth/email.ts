/** An address longer than this cannot be used for mail (RFC 5321 §4.5.3.1.3). */
export const maxEmailLength = 254;

// One @, no white space or controls, a dot in the domain: only a delivered mail proves an address.
const form =
  /^[^\s@\p{Cc}"(),:;<>[\\\]]{1,64}@[^\s@\p{Cc}"(),:;<>[\\\]]+\.[^\s@.\p{Cc}"(),:;<>[\\\]]+$/u;

/** The canonical form under which an account is stored: NFKC, lower case. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize("NFKC").toLowerCase();
}

/** Whether a normalised text looks like an address. */
export function isEmail(email: string): boolean {
  return email.length <= maxEmailLength && email.isWellFormed() && form.test(email) &&
    !email.includes("..");
}
