/** A token of SQL text; white space and comments are not tokens. */
export interface Token {
  readonly kind: "word" | "quoted" | "parameter" | "other";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

// https://www.sqlite.org/lang_keywords.html, tokenize.c: four kinds of quotes, two of comments.
const piece = new RegExp(
  [
    /(?<skip>\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/,
    /(?<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])/,
    /(?<parameter>\?\d*|[:@$][\w$]+)/,
    /(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<other>\d[\w.]*|[\s\S])/,
  ].map((part) => part.source).join("|"),
  "g",
);

/** The tokens of an SQL text; invalid SQL has tokens too, and the store refuses it later. */
export function* tokens(sql: string): Generator<Token> {
  for (const match of sql.matchAll(piece)) {
    const [text] = match;
    const groups = match.groups ?? {};
    if (groups["skip"] !== undefined) continue;
    const kind = groups["word"] !== undefined
      ? "word"
      : groups["quoted"] !== undefined
      ? "quoted"
      : groups["parameter"] !== undefined
      ? "parameter"
      : "other";
    yield { kind, text, start: match.index, end: match.index + text.length };
  }
}

/**
 * The statements of an SQL text, without their semicolons.
 *
 * CREATE TRIGGER ends only at `; END ;`, the rule of sqlite3_complete().
 */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let pieces: Token[] = [];
  for (const token of tokens(sql)) {
    if (token.text !== ";" || (isTrigger(pieces) && !endsTrigger(pieces))) {
      pieces.push(token);
    } else {
      statements.push(textOf(sql, pieces));
      pieces = [];
    }
  }
  return [...statements, textOf(sql, pieces)].filter((statement) => statement !== "");
}

/**
 * The only statement of a text, without a trailing semicolon or comment, checked for its number of
 * parameters.
 *
 * SQLite's own drivers run only the first of several statements and bind NULL for a missing
 * parameter. D1 runs all of them and returns the rows of the last. Neither reports an error.
 *
 * @throws {TypeError} if it is not exactly one statement, takes another number of parameters, or
 * has a named parameter
 */
export function oneStatement(sql: string, params: number): string {
  const [statement, ...others] = splitStatements(sql);
  if (statement === undefined || others.length > 0) {
    throw new TypeError("Cannot run a text that is not exactly one statement");
  }
  const takes = countParameters(statement);
  if (takes !== params) {
    throw new TypeError(`Cannot bind ${params} parameters: statement takes ${takes}`);
  }
  return statement;
}

function countParameters(sql: string): number {
  let count = 0;
  for (const { kind, text } of tokens(sql)) {
    if (kind !== "parameter") continue;
    if (!text.startsWith("?")) throw new TypeError(`Cannot bind a named parameter: ${text}`);
    count = text === "?" ? count + 1 : Math.max(count, Number(text.slice(1)));
  }
  return count;
}

const verbs = new Set(["SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"]);

/** The verb of a statement: the first one outside of parentheses, after a WITH clause. */
export function verbOf(sql: string): string {
  let depth = 0;
  let first: string | undefined;
  for (const { kind, text } of tokens(sql)) {
    if (text === "(") depth += 1;
    else if (text === ")") depth -= 1;
    else if (kind === "word" && depth === 0) {
      const word = text.toUpperCase();
      if (first === undefined && word !== "WITH") return word;
      first ??= word;
      if (verbs.has(word)) return word;
    }
  }
  return first ?? "";
}

/**
 * SQLite's names for the columns of a RETURNING clause, in lower case.
 *
 * A name is the last word of an item (the alias, or the column after its table). An expression is
 * named by its text.
 */
export function returningNames(sql: string): string[] {
  let depth = 0;
  let items: Token[][] | undefined;
  for (const token of tokens(sql)) {
    if (token.text === "(") depth += 1;
    else if (token.text === ")") depth -= 1;
    if (items === undefined) {
      const isClause = token.kind === "word" && token.text.toUpperCase() === "RETURNING";
      if (depth === 0 && isClause) items = [[]];
    } else if (depth === 0 && token.text === ",") items.push([]);
    else items.at(-1)?.push(token);
  }
  return (items ?? []).map((item) => {
    const last = item.at(-1);
    if (last?.kind === "word") return last.text.toLowerCase();
    if (last?.kind === "quoted") return last.text.slice(1, -1).toLowerCase();
    return item.map(({ text }) => text).join(" ").toLowerCase();
  });
}

function isTrigger(pieces: readonly Token[]): boolean {
  const [create, second, third] = pieces.slice(0, 3).map(({ text }) => text.toUpperCase());
  if (create !== "CREATE") return false;
  return second === "TRIGGER" || (/^TEMP(?:ORARY)?$/.test(second ?? "") && third === "TRIGGER");
}

function endsTrigger(pieces: readonly Token[]): boolean {
  return pieces.at(-1)?.text.toUpperCase() === "END" && pieces.at(-2)?.text === ";";
}

function textOf(sql: string, pieces: readonly Token[]): string {
  const [first, last] = [pieces[0], pieces.at(-1)];
  return first === undefined || last === undefined ? "" : sql.slice(first.start, last.end);
}
