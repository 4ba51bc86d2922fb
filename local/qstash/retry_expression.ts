/** A delay in milliseconds, by how often a message has been retried so far. */
export type RetryExpression = (retried: number) => number;

const functions = {
  pow: { arity: 2, apply: Math.pow },
  exp: { arity: 1, apply: Math.exp },
  sqrt: { arity: 1, apply: Math.sqrt },
  abs: { arity: 1, apply: Math.abs },
  floor: { arity: 1, apply: Math.floor },
  ceil: { arity: 1, apply: Math.ceil },
  round: { arity: 1, apply: Math.round },
  min: { arity: 2, apply: Math.min },
  max: { arity: 2, apply: Math.max },
} as const satisfies Record<
  string,
  { readonly arity: number; readonly apply: (...values: number[]) => number }
>;

const maxLength = 500;
const maxDepth = 50;

interface Reader {
  peek(): string | undefined;
  take(): string | undefined;
}

/**
 * Reads an `Upstash-Retry-Delay` expression: numbers, `retried`, `+ - * / %`, brackets and the
 * documented functions. Undefined for any other text.
 */
export function readRetryExpression(text: string): RetryExpression | undefined {
  const tokens = tokenize(text);
  if (tokens === undefined) return undefined;
  let at = 0;
  const reader: Reader = { peek: () => tokens[at], take: () => tokens[at++] };
  const expression = readSum(reader, 0);
  return at === tokens.length ? expression : undefined;
}

function tokenize(text: string): string[] | undefined {
  if (text.length > maxLength) return undefined;
  const tokens = text.match(/\d+(?:\.\d+)?|\.\d+|[a-z]+|[-+*/%(),]|\S/gi) ?? [];
  return tokens.length > 0 ? tokens : undefined;
}

const sums: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
};
const products: Readonly<Record<string, (a: number, b: number) => number>> = {
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

type Read = (reader: Reader, depth: number) => RetryExpression | undefined;

function readSum(reader: Reader, depth: number): RetryExpression | undefined {
  return readChain(reader, depth, readProduct, sums);
}

function readProduct(reader: Reader, depth: number): RetryExpression | undefined {
  return readChain(reader, depth, readSigned, products);
}

function readChain(
  reader: Reader,
  depth: number,
  readOperand: Read,
  operators: typeof sums,
): RetryExpression | undefined {
  if (depth > maxDepth) return undefined;
  let left = readOperand(reader, depth + 1);
  for (;;) {
    const apply = operators[reader.peek() ?? ""];
    if (left === undefined || apply === undefined) return left;
    reader.take();
    const [first, second] = [left, readOperand(reader, depth + 1)];
    left = second && ((retried) => apply(first(retried), second(retried)));
  }
}

function readSigned(reader: Reader, depth: number): RetryExpression | undefined {
  if (depth > maxDepth) return undefined;
  if (reader.peek() !== "-") return readValue(reader, depth);
  reader.take();
  const value = readSigned(reader, depth + 1);
  return value && ((retried) => -value(retried));
}

function readValue(reader: Reader, depth: number): RetryExpression | undefined {
  const token = reader.take() ?? "";
  if (/^[\d.]/.test(token)) {
    const value = Number(token);
    return Number.isNaN(value) ? undefined : () => value;
  }
  if (token === "retried") return (retried) => retried;
  if (token === "(") {
    const inner = readSum(reader, depth + 1);
    return reader.take() === ")" ? inner : undefined;
  }
  return Object.hasOwn(functions, token)
    ? readCall(reader, depth, token as keyof typeof functions)
    : undefined;
}

function readCall(
  reader: Reader,
  depth: number,
  name: keyof typeof functions,
): RetryExpression | undefined {
  const { arity, apply }: { arity: number; apply: (...values: number[]) => number } =
    functions[name];
  if (reader.take() !== "(") return undefined;
  const values: RetryExpression[] = [];
  for (let index = 0; index < arity; index++) {
    const value = readSum(reader, depth + 1);
    if (value === undefined || reader.take() !== (index === arity - 1 ? ")" : ",")) {
      return undefined;
    }
    values.push(value);
  }
  return (retried) => apply(...values.map((value) => value(retried)));
}
