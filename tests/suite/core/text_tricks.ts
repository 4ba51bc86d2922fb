/**
 * Other spellings of a compact JWS; for each there is a library that accepts it as the same token.
 */
export const textTricks: Readonly<Record<string, (token: string) => string>> = {
  "an empty string": () => "",
  "no dot": (token) => token.replaceAll(".", ""),
  "two segments": (token) => token.slice(0, token.lastIndexOf(".")),
  "four segments": (token) => `${token}.AAAA`,
  "five segments, as JWE has [RFC 7516 §3.1]": (token) => `${token}.AAAA.AAAA`,
  "a trailing dot": (token) => `${token}.`,
  "a leading dot": (token) => `.${token}`,
  "an empty header": (token) => token.slice(token.indexOf(".")),
  "an empty payload [RFC 7797]": (token) => withSegment(token, 1, () => ""),
  "an empty signature": (token) => withSegment(token, 2, () => ""),
  "a leading space": (token) => ` ${token}`,
  "a trailing space": (token) => `${token} `,
  "a newline inside": (token) => `${token.slice(0, 30)}\n${token.slice(30)}`,
  "a tab inside": (token) => withSegment(token, 2, (s) => `${s.slice(0, 9)}\t${s.slice(9)}`),
  "padding on the header": (token) => withSegment(token, 0, pad),
  "padding on the payload": (token) => withSegment(token, 1, pad),
  "padding on the signature": (token) => withSegment(token, 2, pad),
  "loose bits at the signature's end [RFC 4648 §3.5]": (token) => withSegment(token, 2, loosen),
  "the standard alphabet": (token) =>
    withSegment(token, 2, (s) => `${s.slice(0, -2)}+/`.replaceAll("-", "+").replaceAll("_", "/")),
  "percent-encoding": (token) => token.replaceAll(".", "%2e"),
  "a scheme before it": (token) => `Bearer ${token}`,
  "quotes around it": (token) => `"${token}"`,
  "two tokens with a comma": (token) => `${token}, ${token}`,
  "a full-width dot": (token) => token.replace(".", "．"),
  "a trailing NUL": (token) => `${token}\0`,
  "the JSON serialisation [RFC 7515 §7.2]": (token) => {
    const [header, payload, signature] = token.split(".");
    return JSON.stringify({ protected: header, payload, signature });
  },
  "more than 4096 bytes": (token) => token.padEnd(4097, "A"),
};

function withSegment(token: string, at: number, change: (segment: string) => string): string {
  return token.split(".").map((part, index) => index === at ? change(part) : part).join(".");
}

function pad(segment: string): string {
  return `${segment}${"=".repeat((4 - segment.length % 4) % 4 || 4)}`;
}

/** The last base64url character of 64 or 32 bytes has bits that belong to no byte. */
function loosen(segment: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return `${segment.slice(0, -1)}${alphabet[alphabet.indexOf(segment.at(-1)!) ^ 1]}`;
}

/** JSON that parsers read differently; `object` is the valid text. */
export const jsonTricks: Readonly<Record<string, (object: string) => string | Uint8Array>> = {
  "a leading byte order mark [RFC 8259 §8.1]": (object) => `\ufeff${object}`,
  "an array": (object) => `[${object}]`,
  "null": () => "null",
  "a string": (object) => JSON.stringify(object),
  "a number": () => "1",
  "two objects": (object) => `${object}${object}`,
  "a comment": (object) => `/**/${object}`,
  "a trailing comma": (object) => object.replace(/}$/, ",}"),
  "a duplicate member [RFC 8725 §2.4]": (object) =>
    object.replace("{", '{"kid":"own","sub":"root",'),
  "a duplicate member, once escaped": (object) =>
    object.replace("{", '{"\\u006bid":"own","s\\u0075b":"root",'),
  "a duplicate member in a nested object": (object) =>
    object.replace("{", '{"a":[{"b":{"c":1,"c":2}}],'),
  "a lone surrogate [RFC 8259 §8.2]": (object) => object.replace("{", '{"a":"\\ud800",'),
  "a lone surrogate in a name": (object) => object.replace("{", '{"\\udc00":1,'),
  "bytes that are not UTF-8": (object) =>
    Uint8Array.of(...new TextEncoder().encode(object.slice(0, -1)), 0x2c, 0x22, 0xff, 0x22),
  "an overlong byte sequence": (object) =>
    Uint8Array.of(
      ...new TextEncoder().encode(object.replace(/}$/, ',"a":"')),
      0xc0,
      0xaf,
      0x22,
      0x7d,
    ),
  "nothing": () => " ",
};
