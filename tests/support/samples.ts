/** One line of the Prometheus text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the samples of a Prometheus text. */
export function readSamples(text: string): Sample[] {
  return Array.from(
    text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm),
    ([, name = "", labels = "", value]) => ({
      name,
      labels: Object.fromEntries(
        Array.from(labels.matchAll(/(\w+)="([^"]*)"/g), ([, label, text]) => [label, text]),
      ),
      value: Number(value),
    }),
  );
}
