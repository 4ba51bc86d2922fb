import type { Exit } from "./api.ts";
import { readNumber, readStored, readText } from "./cells.ts";
import type { Database, Row } from "./database.ts";

/** Exits that are stored; the oldest is deleted first. */
const maxExits = 200;

/** Stores how a process ended. */
export function addExit(db: Database, exit: Exit): void {
  db.atomically(() => {
    db.run(
      "INSERT INTO exits (time, is_expected, exit) VALUES (?, ?, ?)",
      exit.time,
      exit.isExpected ? 1 : 0,
      JSON.stringify(exit),
    );
    db.run("DELETE FROM exits WHERE id <= (SELECT max(id) FROM exits) - ?", maxExits);
  });
}

/** The last exits, the newest first. */
export function listExits(db: Database, limit: number): Exit[] {
  return db.all("SELECT * FROM exits ORDER BY time DESC, id DESC LIMIT ?", limit).map(toExit);
}

/** Unexpected exits that were not reported yet, the oldest first. */
export function listUnreported(db: Database): Exit[] {
  return db.all("SELECT * FROM exits WHERE is_expected = 0 AND is_told = 0 ORDER BY time, id")
    .map(toExit);
}

/** From now on all stored exits count as reported. */
export function markReported(db: Database): void {
  db.run("UPDATE exits SET is_told = 1 WHERE is_told = 0");
}

function toExit(row: Row): Exit {
  return { ...readStored<Exit>(readText(row, "exit")), time: readNumber(row, "time") };
}
