import { UsageError } from "../../../plan/errors.ts";
import type { ForeignTrace } from "../../engine/protocol.ts";
import { gunzip, isGzip } from "./gunzip.ts";
import { readKineto } from "./kineto.ts";
import { readNsightLines } from "./nsight-json.ts";
import { isSqlite, type LoadSql, readNsightSqlite } from "./nsight-sqlite.ts";
import { readNsightStats } from "./nsight-stats.ts";

const loadBesidePage: LoadSql = async () => (await import("./load-sql.ts")).loadSql();

/**
 * Reads a trace of another tool: of the PyTorch profiler, packed by gzip or not, or an export of Nsight Systems as SQLite,
 * JSON or a report of `nsys stats`. Null where it is none. Errors: `parse`, `format` or `limit`, with the place where it
 * is one and damaged.
 */
export async function readForeignTrace(
  name: string,
  bytes: Uint8Array,
  loadSql: LoadSql = loadBesidePage,
): Promise<ForeignTrace | null> {
  if (isGzip(bytes)) return readForeignTrace(name.replace(/\.gz$/i, ""), await gunzip(bytes), loadSql);
  if (isSqlite(bytes)) return readNsightSqlite(bytes, loadSql);
  if (/\.(nsys-rep|qdrep)$/i.test(name)) throw reportItself(name);
  return readKineto(bytes) ?? readNsightStats(bytes) ?? readNsightLines(bytes);
}

function reportItself(name: string): UsageError {
  return new UsageError("format", "only Nsight Systems itself can read its reports", {
    path: name,
    hint: `Export it with \`nsys export --type sqlite ${name}\` and open the .sqlite file.`,
  });
}
