import assert from "node:assert/strict";
import fc from "fast-check";
import { oneStatement, returningNames, splitStatements, tokens, verbOf } from "./sql_text.ts";

const split = {
  "nothing": ["", []],
  "comments alone": [" -- a;\n/* b; */ ;; ", []],
  "two statements": ["SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]],
  "semicolons in quotes": [
    `SELECT ';', ";", \`;\`, [;], 'it''s;' ; SELECT 2`,
    [`SELECT ';', ";", \`;\`, [;], 'it''s;'`, "SELECT 2"],
  ],
  "a comment between": ["SELECT /* ; */ 1 -- ;\n + 2; ", ["SELECT /* ; */ 1 -- ;\n + 2"]],
  "a trigger": [
    "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END; SELECT 2",
    [
      "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END",
      "SELECT 2",
    ],
  ],
  "a temporary trigger": [
    "create temp trigger a insert on t begin select 1; end; select 2",
    ["create temp trigger a insert on t begin select 1; end", "select 2"],
  ],
  "a table named trigger": ["CREATE TABLE trigger (a); END", ["CREATE TABLE trigger (a)", "END"]],
} as const;

for (const [what, [text, statements]] of Object.entries(split)) {
  Deno.test(`splitStatements() splits ${what}`, () => {
    assert.deepEqual(splitStatements(text), statements);
  });
}

Deno.test("tokens() returns the tokens of any text in order and terminates", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    let end = 0;
    for (const token of tokens(text)) {
      assert.ok(token.start >= end && token.end > token.start);
      assert.equal(text.slice(token.start, token.end), token.text);
      end = token.end;
    }
  }));
});

Deno.test("tokens() is linear for text with unclosed quotes and comments", () => {
  for (const text of ["'", '"', "`", "[", "/*", "--", "("]) {
    assert.ok([...tokens(text.repeat(5_000))].length <= 10_000);
  }
});

const verbs = {
  "SELECT 1": "SELECT",
  " /* x */ insert into t values (1)": "INSERT",
  "WITH a AS (SELECT 1) DELETE FROM t": "DELETE",
  "WITH RECURSIVE a(n) AS (VALUES (1) UNION SELECT n FROM a) SELECT * FROM a": "SELECT",
  "VALUES (1)": "VALUES",
  "CREATE TABLE t (a)": "CREATE",
  "PRAGMA foreign_keys": "PRAGMA",
  "": "",
} as const;

for (const [text, verb] of Object.entries(verbs)) {
  Deno.test(`verbOf() finds ${verb || "nothing"} in: ${text}`, () => {
    assert.equal(verbOf(text), verb);
  });
}

const returning = {
  "INSERT INTO t VALUES ('RETURNING a', (SELECT 1)) RETURNING id, t.b, x AS M": ["id", "b", "m"],
  'DELETE FROM t RETURNING "T"."Id", `a b`, x [y]': ["id", "a b", "y"],
  "DELETE FROM t RETURNING max(a, b), max(a, b) m, *": ["max ( a , b )", "m", "*"],
  'SELECT "returning", [returning] FROM t': [],
} as const;

for (const [text, names] of Object.entries(returning)) {
  Deno.test(`returningNames() finds ${names.length} columns in: ${text}`, () => {
    assert.deepEqual(returningNames(text), names);
  });
}

const parameters = [
  ["SELECT 1", 0],
  ["SELECT ?, '?', \"?\", [?] -- ?\n, ?", 2],
  ["SELECT ?1, ?2, ?1", 2],
] as const;

for (const [text, count] of parameters) {
  Deno.test(`oneStatement() counts ${count} parameters in: ${text}`, () => {
    assert.equal(oneStatement(`${text}; -- end`, count), text);
    assert.throws(() => oneStatement(text, count + 1), TypeError);
  });
}
