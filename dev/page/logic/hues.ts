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
