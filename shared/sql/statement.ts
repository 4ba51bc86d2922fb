import { Problem } from "../problem.ts";

/** No Date, boolean or bigint: node:sqlite binds a Date as NULL, D1 refuses it. */
export type SqlValue = string | number | null | Uint8Array;

/** Values in column order: an object would lose one of two joined columns named `id`. */
export type Row = readonly unknown[];

/** One SQL statement with `?` placeholders; `params` fill them in order. */
export interface Statement {
  /** With a placeholder for each value. */
  readonly sql: string;
  /** The values, in the order of their placeholders. */
  readonly params: readonly SqlValue[];
}

/**
 * The SQL interface that every driver can implement. `batch` is the only transaction.
 *
 * Drivers bind a number as REAL, and the column's affinity converts it to an integer. So an
 * expression without a column needs `CAST(? AS INTEGER)`.
 */
export interface SqlDb {
  /** Runs one statement. */
  run(statement: Statement): Promise<Row[]>;
  /** Runs all of them or none, and returns the rows of each. */
  batch(statements: readonly Statement[]): Promise<Row[][]>;
}

/** D1's limit of bound parameters. It applies to every driver, so that dev behaves like Workers. */
export const maxParams = 100;

/** `batch` controls the transaction: a COMMIT inside would commit half of it. */
const transactionControl = /^\s*(?:begin|commit|end|rollback|savepoint|release)\b/i;

/**
 * Refuses a statement that one of the drivers would change silently or could not run.
 *
 * @throws {TypeError} a value of another type, named by its position, or transaction control
 * @throws {RangeError} more than 100 parameters, or a number that is not finite
 * @throws {Problem} `validation_failed` for text that drivers truncate or change
 */
export function checkStatement({ sql, params }: Statement): void {
  if (transactionControl.test(sql)) {
    throw new TypeError("Cannot run transaction control: a batch is the only transaction there is");
  }
  if (params.length > maxParams) {
    throw new RangeError(
      `Cannot bind ${params.length} parameters: D1 takes ${maxParams} in one statement`,
    );
  }
  params.forEach((value, index) => checkValue(value, index + 1));
}

/** `value` is unknown because values from an ORM are not checked by its type. */
function checkValue(value: unknown, position: number): void {
  if (typeof value === "string") return checkText(value);
  if (typeof value === "number") {
    if (Number.isFinite(value)) return;
    throw new RangeError(`Cannot bind parameter ${position}: it is not a finite number`);
  }
  if (value === null || value instanceof Uint8Array) return;
  const kind = value instanceof Date ? "Date" : typeof value;
  throw new TypeError(
    `Cannot bind parameter ${position}: ${kind} is neither text, number, null nor bytes`,
  );
}

/**
 * node:sqlite truncates text at a NUL, and half a surrogate pair becomes U+FFFD. Two different
 * e-mail addresses could then become one account. Such text can only come from a caller.
 */
function checkText(text: string): void {
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new Problem("validation_failed", {
      detail: "Text has a NUL character or half a surrogate pair",
    });
  }
}
