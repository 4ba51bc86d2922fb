/** Secrets a deployment may do without, so that the Wrangler files cannot name them. */
const optionalSecrets = [
  "QSTASH_TOKEN",
  "QSTASH_CURRENT_SIGNING_KEY",
  "QSTASH_NEXT_SIGNING_KEY",
  "RECOMMENDER_KEY",
] as const;

/**
 * A Wrangler file for another folder, with every secret named.
 *
 * Run locally, wrangler passes a Worker no secret that the file does not list as required;
 * deployed,
 * it would refuse while one of these is missing.
 *
 * @throws {TypeError} when the file is not written as expected
 */
export function toLocalConfig(text: string, root: string): string {
  const isNamed = /^required = \[/m.test(text);
  if (!isNamed) throw new TypeError("Cannot name secrets: the Wrangler file has no required ones");
  const names = optionalSecrets.map((name) => `"${name}", `).join("");
  return text
    .replace(/^required = \[/m, `$&${names}`)
    .replaceAll(
      /^(main|directory|migrations_dir|watch_dir) = "(.+)"$/gm,
      (_line, key, path) => `${key} = ${JSON.stringify(root + path)}`,
    );
}
