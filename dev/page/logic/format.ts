const two = (part: number) => String(part).padStart(2, "0");

/** `14:03:27.041` in the reader's time zone. */
export function toClock(time: number): string {
  return `${toMinute(time)}:${toSeconds(time)}`;
}

function toMinute(time: number): string {
  const date = new Date(time);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

function toSeconds(time: number): string {
  const date = new Date(time);
  return `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** `22 Nov 2026, 14:03:27` in the reader's time zone. */
export function toDateAndClock(time: number): string {
  const day = new Date(time).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
  });
  return `${day}, ${toClock(time).slice(0, 8)}`;
}

/** `14:03:27`, or on another day than `now` `22 Nov, 14:03`, in the reader's time zone. */
export function toDayAndClock(time: number, now: number): string {
  const [date, today] = [new Date(time), new Date(now)];
  if (date.toDateString() === today.toDateString()) return toClock(time).slice(0, 8);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day}, ${toMinute(time)}`;
}

/** The same instant in a machine-readable form. */
export function toIso(time: number): string {
  return new Date(time).toISOString();
}

/** `0.42 ms`, `12.3 ms`, `842 ms`, `1.24 s`, `2 min 5 s`: three digits, whatever the size. */
export function toDuration(ms: number): string {
  if (ms === 0) return "0 ms";
  if (ms < 0.995) return `${ms.toFixed(2)} ms`;
  if (ms < 99.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  return toLongDuration(ms);
}

/** `0`, `20 ms`, `2.5 ms`, `1 s`: a round time on a scale. */
export function toTick(ms: number): string {
  if (ms === 0) return "0";
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}

/** Integer units, not below 0: `12 s`, `2 min 5 s`, `3 h 20 min`, `4 d 2 h`. */
export function toLongDuration(ms: number): string {
  const seconds = Math.max(Math.round(ms / 1000), 0);
  const pair = (big: number, bigUnit: string, small: number, unit: string) =>
    small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${unit}`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.floor(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** `just now`, `12 s ago`, `in 4 min`. */
export function toRelative(time: number, now: number): string {
  const away = Math.abs(now - time);
  if (away < 1000) return "just now";
  const long = away < 60_000 ? away : Math.floor(away / 60_000) * 60_000;
  return time < now ? `${toLongDuration(long)} ago` : `in ${toLongDuration(long)}`;
}

/** `0.2`, `4.8`, `124`: calls a second. */
export function toRate(count: number, seconds: number): string {
  const rate = count / seconds;
  if (rate === 0) return "0";
  if (rate < 0.095) return rate.toFixed(2);
  return rate < 9.95 ? rate.toFixed(1) : String(Math.round(rate));
}

/** `0 %`, `0.4 %`, `12 %`; a share above zero never shows as zero. */
export function toShare(part: number, total: number): string {
  if (total === 0 || part === 0) return "0 %";
  const percent = (part / total) * 100;
  if (percent < 0.1) return "< 0.1 %";
  return `${percent < 9.95 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** `12,408`. */
export function toCount(count: number): string {
  return count.toLocaleString("en-GB");
}

/** `1 span`, `3 spans`. */
export function toPlural(count: number, noun: string): string {
  return `${toCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Ids made in one minute differ only at their ends: `user:…9f3ac210`. */
export function toShortId(id: string): string {
  return id.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{4}([0-9a-f]{8})/g, "…$1");
}

/** Any value as text: a text as it is, the rest as JSON. */
export function toText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
}

/** As much of a text as fits into a width, with dots in place of the rest. */
export function fitText(text: string, width: number, measure: (text: string) => number): string {
  if (measure(text) <= width) return text;
  let [fits, tooLong] = [0, text.length];
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2);
    if (measure(`${text.slice(0, middle)}…`) <= width) fits = middle;
    else tooLong = middle;
  }
  return `${text.slice(0, fits)}…`;
}

/** The system's own services get a colour each; the others share the rest. */
const own: Readonly<Record<string, number>> = {
  gateway: 0,
  auth: 1,
  user: 2,
  course: 3,
  enrollment: 4,
  recommendation: 5,
};
const others = [6, 7] as const;

/** The class that gives a service its colour, the same everywhere on the page. */
export function hueOf(service: string): string {
  const sum = [...service].reduce((total, char) => total + char.charCodeAt(0), 0);
  return `hue-${own[service] ?? others[sum % others.length]}`;
}
