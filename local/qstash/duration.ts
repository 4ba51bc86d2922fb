const unitMs = { ns: 1e-6, us: 1e-3, "µs": 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const dayMs = 86_400_000;

/** Reads `50s`, `1d10h30m`: integers with the units s, m, h and d; undefined for others. */
export function readDuration(text: string): number | undefined {
  return sumOf(text, /(\d+)(s|m|h|d)/g, { ...unitMs, d: dayMs });
}

/** Reads the durations of a response's `Retry-After`: `6m5s`, `1.5h`, `300ms`. */
export function readFineDuration(text: string): number | undefined {
  return sumOf(text, /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g, unitMs);
}

function sumOf(
  text: string,
  part: RegExp,
  units: Readonly<Record<string, number>>,
): number | undefined {
  const parts = [...text.matchAll(part)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) return undefined;
  let ms = 0;
  for (const [, amount, unit = ""] of parts) ms += Number(amount) * (units[unit] ?? NaN);
  return Number.isFinite(ms) ? ms : undefined;
}
