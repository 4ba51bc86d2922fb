import { Problem } from "@edgepass/shared/problem";

/** @throws {Problem} `headers_too_large` for too many headers or too many bytes of them */
export function enforceHeaderLimits(
  headers: Headers,
  { maxBytes, maxCount }: { maxBytes: number; maxCount: number },
): void {
  let bytes = 0;
  let count = 0;
  for (const [name, value] of headers) {
    bytes += name.length + value.length + 4;
    if (++count > maxCount || bytes > maxBytes) throw new Problem("headers_too_large");
  }
}
