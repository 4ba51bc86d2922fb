const shapes = {
  ok: "M3.5 8.5l3 3 6-7",
  warn: "M8 2.5l6.2 11H1.8zM8 6.5v3.2M8 11.6v.2",
  bad: "M4 4l8 8M12 4l-8 8",
  wait: "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12M8 5v3.2l2.2 1.5",
  chevron: "M6 3.5l4.5 4.5L6 12.5",
  copy: "M6 5.5h7v8H6zM10 5.5v-3H3v8h3",
  system: "M2.5 3.5h11v7h-11zM6 13.5h4M8 10.5v3",
  light:
    "M8 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6M8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.5 1.5M11.5 11.5L13 13M13 3l-1.5 1.5M4.5 11.5L3 13",
  dark: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
} as const;

export type IconName = keyof typeof shapes;

/** An icon of 16 pixels without a meaning of its own: words stand beside it or label its button. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  );
}
