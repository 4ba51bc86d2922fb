/**
 * Reports what the figures are counted from, as findings of `deno lint`: its syntax tree comes with
 * Deno, follows the language of the version that runs the project, and needs no compiler as a
 * dependency. A search in the text would take strings and comments for code.
 */

/** What the plugin reports of one file; each finding's message is one fact in JSON. */
export type Fact =
  /** The file was parsed. */
  | { readonly kind: "file" }
  | ImportFact
  | FunctionFact;

/** An import or a re-export. */
export interface ImportFact {
  readonly kind: "import";
  readonly specifier: string;
  /** Names in the imported module; `*` for the whole module. */
  readonly names: readonly string[];
  /** Erased in the compiled code: the statement as a whole is `import type` or `export type`. */
  readonly isTypeOnly: boolean;
}

/** A function with a body, with those inside it. */
export interface FunctionFact {
  readonly kind: "function";
  readonly name: string;
  /** From the line of its first character to the line of its last. */
  readonly lines: number;
}

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

export default {
  name: "measure",
  rules: { facts: { create: reportFacts } },
} satisfies Deno.lint.Plugin;

function reportFacts(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  const report = (node: Deno.lint.Node, fact: Fact): void =>
    context.report({ node, message: JSON.stringify(fact) });
  const reportImport = (
    node: Deno.lint.Node,
    specifier: string,
    names: readonly string[],
    isTypeOnly: boolean,
  ): void => report(node, { kind: "import", specifier, names, isTypeOnly });
  const reportFunction = (node: FunctionNode): void => {
    const lines = context.sourceCode.getText(node).split("\n").length;
    report(node, { kind: "function", name: nameOf(node), lines });
  };
  return {
    Program: (node) => report(node, { kind: "file" }),
    ImportDeclaration(node) {
      const names = node.specifiers.map(importedName);
      reportImport(node, node.source.value, names, node.importKind === "type");
    },
    ExportNamedDeclaration(node) {
      if (!node.source) return;
      const names = node.specifiers.map(({ local }) => textOf(local));
      reportImport(node, node.source.value, names, node.exportKind === "type");
    },
    ExportAllDeclaration: (node) =>
      reportImport(node, node.source.value, ["*"], node.exportKind === "type"),
    ImportExpression(node) {
      if (node.source.type !== "Literal") return;
      reportImport(node, String(node.source.value), ["*"], false);
    },
    FunctionDeclaration: reportFunction,
    FunctionExpression: reportFunction,
    ArrowFunctionExpression: reportFunction,
  };
}

function importedName(
  specifier: Deno.lint.ImportDeclaration["specifiers"][number],
): string {
  if (specifier.type === "ImportNamespaceSpecifier") return "*";
  return specifier.type === "ImportDefaultSpecifier" ? "default" : textOf(specifier.imported);
}

function textOf(name: Deno.lint.Identifier | Deno.lint.StringLiteral): string {
  return name.type === "Identifier" ? name.name : name.value;
}

/** Its own name, or that of the variable, member or property that it is the value of. */
function nameOf(node: FunctionNode): string {
  if (node.type !== "ArrowFunctionExpression" && node.id) return node.id.name;
  const { parent } = node;
  if (parent.type === "VariableDeclarator" && parent.id.type === "Identifier") {
    return parent.id.name;
  }
  const isMember = parent.type === "Property" || parent.type === "MethodDefinition";
  return isMember && parent.key.type === "Identifier" ? parent.key.name : "a function";
}
