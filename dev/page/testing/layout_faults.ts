/** A text as it is drawn, in pixels of the window. */
interface TextBox {
  readonly text: string;
  readonly element: Element;
  readonly drawn: DOMRect;
}

/** Fonts reach a little beyond their line, and browsers round. */
const slackX = 1.5;
const slackY = 4;

/**
 * Every layout fault that a reader would notice, in a line each: a page wider than the window, text
 * outside of its box or cut without a way to its full length, texts that overlap, and navigation
 * that cannot be reached.
 */
export function findLayoutFaults(): string[] {
  const boxes = listTexts();
  return [...findWidth(), ...boxes.flatMap(findEscape), ...findOverlaps(boxes), ...findHidden()];
}

function findWidth(): string[] {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide in ${clientWidth}`] : [];
}

function listTexts(): TextBox[] {
  const found: TextBox[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent?.trim() ?? "";
    if (!element || text === "" || !isDrawn(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const drawn of range.getClientRects()) {
      if (drawn.width > 0 && drawn.bottom > 0) found.push({ text, element, drawn });
    }
  }
  return found;
}

/** Text for screen readers alone is clipped to nothing. */
function isDrawn(element: Element): boolean {
  if (element.closest("select, datalist, dialog, noscript, .skip")) return false;
  // Rows far out of sight are not laid out and have boxes of an estimated height.
  const options = { visibilityProperty: true, contentVisibilityAuto: true };
  if (!element.checkVisibility(options)) return false;
  return ancestorsOf(element).every((one) => getComputedStyle(one).clipPath === "none");
}

function ancestorsOf(element: Element): Element[] {
  const found: Element[] = [];
  for (let one: Element | null = element; one && one !== document.body; one = one.parentElement) {
    found.push(one);
  }
  return found;
}

function findEscape({ text, element, drawn }: TextBox): string[] {
  for (const box of ancestorsOf(element)) {
    const { display, overflowX, overflowY, textOverflow, position } = getComputedStyle(box);
    if (display === "inline" || display === "contents" || isShape(box)) continue;
    const frame = frameOf(box);
    const isWide = drawn.left < frame.left - slackX || drawn.right > frame.right + slackX;
    const isHigh = drawn.top < frame.top - slackY || drawn.bottom > frame.bottom + slackY;
    const scrolls = [overflowX, overflowY].some((one) => one === "auto" || one === "scroll");
    if (scrolls) return [];
    if (isWide && textOverflow === "ellipsis" && overflowX !== "visible") {
      return isFullTextReachable(element) ? [] : [`cut without a title: ${text}`];
    }
    if (isWide || isHigh) return [`outside of ${nameOf(box)}: ${text}`];
    if (position === "fixed") return [];
  }
  return [];
}

/** The box of a map node is its rectangle. */
function frameOf(box: Element): DOMRect {
  const rect = box.matches("g.node") ? box.querySelector("rect") : undefined;
  return (rect ?? box).getBoundingClientRect();
}

function isShape(box: Element): boolean {
  return box instanceof SVGElement && !(box instanceof SVGSVGElement) && !box.matches("g.node");
}

/** In a title, or by a button that shows all of it. */
function isFullTextReachable(element: Element): boolean {
  return element.closest("[title], [aria-expanded]") !== null;
}

function nameOf(element: Element): string {
  const classes = element.getAttribute("class") ?? "";
  return `${element.tagName.toLowerCase()}.${classes.trim().replaceAll(/\s+/g, ".")}`;
}

function findOverlaps(boxes: readonly TextBox[]): string[] {
  const visible = boxes.flatMap((box) => {
    const drawn = toVisible(box);
    return drawn ? [{ ...box, drawn }] : [];
  });
  const sorted = visible.toSorted((a, b) => a.drawn.top - b.drawn.top);
  return sorted.flatMap((one, at) => {
    const found: string[] = [];
    for (const other of sorted.slice(at + 1)) {
      if (other.drawn.top > one.drawn.bottom) break;
      // A truncated text has a second piece where its ellipsis is.
      if (one.element === other.element) continue;
      if (isOn(one.drawn, other.drawn)) found.push(`"${one.text}" lies on "${other.text}"`);
    }
    return found;
  });
}

/** The visible part of a text within its boxes. */
function toVisible({ element, drawn }: TextBox): DOMRect | undefined {
  let { left, top, right, bottom } = drawn;
  for (const box of ancestorsOf(element)) {
    if (getComputedStyle(box).overflowX === "visible") continue;
    const frame = box.getBoundingClientRect();
    left = Math.max(left, frame.left);
    right = Math.min(right, frame.right);
    top = Math.max(top, frame.top);
    bottom = Math.min(bottom, frame.bottom);
  }
  const isThere = right - left > 1 && bottom - top > 1;
  return isThere ? new DOMRect(left, top, right - left, bottom - top) : undefined;
}

function isOn(one: DOMRect, other: DOMRect): boolean {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return width > slackX && height > slackY;
}

/** Links of the navigation that a finger could not reach. */
function findHidden(): string[] {
  return [...document.querySelectorAll("header nav a")].flatMap((link) => {
    const { left, top, width, height } = link.getBoundingClientRect();
    const hits = [left + 1, left + width / 2, left + width - 1].map((x) =>
      document.elementFromPoint(x, top + height / 2)?.closest("a")
    );
    return hits.every((hit) => hit === link) ? [] : [`out of reach: ${link.textContent}`];
  });
}
