import type { SqlDb } from "../sql/statement.ts";

/** The last sequence that this source has assigned to each of these subjects. */
export async function readSequences(
  sql: SqlDb,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return await readNumbers(sql, {
    query: `SELECT subject, sequence FROM event_sequences
      WHERE subject IN (SELECT value FROM json_each(?))`,
    params: [JSON.stringify(subjects)],
  });
}

/** The highest sequence that a consumer has applied for each of these subjects of a source. */
export async function readAppliedSequences(
  sql: SqlDb,
  source: string,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return await readNumbers(sql, {
    query: `SELECT subject, max(sequence) FROM event_versions
      WHERE source = ? AND subject IN (SELECT value FROM json_each(?)) GROUP BY subject`,
    params: [`/${source}`, JSON.stringify(subjects)],
  });
}

/** The subjects among these that are deleted in this service. */
export async function readEnded(
  sql: SqlDb,
  subjects: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql.run({
    sql: "SELECT subject FROM ended_subjects WHERE subject IN (SELECT value FROM json_each(?))",
    params: [JSON.stringify(subjects)],
  });
  return new Set(rows.map(([subject]) => String(subject)));
}

async function readNumbers(
  sql: SqlDb,
  { query, params }: { readonly query: string; readonly params: string[] },
): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.run({ sql: query, params });
  return new Map(rows.map(([subject, sequence]) => [String(subject), Number(sequence)]));
}
