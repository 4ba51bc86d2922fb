import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { Problem } from "../problem.ts";
import { decodeUtf8 } from "../crypto/bytes.ts";

const maxDepth = 64;
const jsonMediaType = /^application\/([\w.-]+\+)?json$/;

/** Limits the body size for requests that bypass the gateway; larger is `payload_too_large`. */
export function limitBody(maxBytes: number) {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new Problem("payload_too_large");
    },
  });
}

/**
 * Refuses a body with a content coding in requests that bypass the gateway. Services do not decode
 * content codings, because the decoded size has no limit.
 *
 * @throws {Problem} `unsupported_media_type`
 */
export const requirePlainBody = createMiddleware(async function requirePlainBody(c, next) {
  const encoding = c.req.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new Problem("unsupported_media_type", {
      detail: "Body must not be compressed",
      headers: { "accept-encoding": "identity" },
    });
  }
  await next();
});

/**
 * Refuses a JSON body that two parsers could read differently.
 *
 * It refuses bytes that are not UTF-8, a byte order mark (RFC 8259 §8.1), and more than 64 levels.
 *
 * @throws {Problem} `malformed_json`
 */
export const requireStrictJson = createMiddleware(async function requireStrictJson(c, next) {
  const [mediaType = ""] = (c.req.header("content-type") ?? "").toLowerCase().split(";");
  if (c.req.raw.body !== null && jsonMediaType.test(mediaType.trim())) {
    // Hono caches the bytes, so its own parser can read them again.
    const text = decode(await c.req.arrayBuffer());
    if (text === undefined || isTooDeep(text)) throw new Problem("malformed_json");
  }
  await next();
});

function decode(bytes: ArrayBuffer): string | undefined {
  try {
    const text = decodeUtf8(bytes);
    return text.startsWith("\ufeff") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Counts brackets outside of strings; the parser refuses brackets that do not match. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (quoted && char === "\\") index++;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if ((char === "{" || char === "[") && ++depth > maxDepth) return true;
    else if (char === "}" || char === "]") depth--;
  }
  return false;
}
