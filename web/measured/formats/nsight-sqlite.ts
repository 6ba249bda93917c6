import type { Database, SqlJsStatic } from "sql.js";
import { UsageError } from "../../../plan/errors.ts";
import type { ForeignTrace } from "../../engine/protocol.ts";
import { refuseEmpty, SpanColumns } from "./span-columns.ts";

/** Loads SQLite; its program is fetched only when such a file is opened. */
export type LoadSql = () => Promise<SqlJsStatic>;

const TOOL = "Nsight Systems";

export function isSqlite(bytes: Uint8Array): boolean {
  return [..."SQLite format 3\0"].every((character, i) => bytes[i] === character.charCodeAt(0));
}

/**
 * What `nsys export --type sqlite` writes: kernels, copies and memsets by device and stream, NVTX ranges and, where they
 * were traced, CUDA calls by thread. Errors: `format` for a damaged file or another database.
 */
export async function readNsightSqlite(bytes: Uint8Array, loadSql: LoadSql): Promise<ForeignTrace> {
  const sql = await loadSql();
  let database: Database | undefined;
  try {
    database = new sql.Database(bytes);
    return readDatabase(database);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message.slice(0, 200) : "unknown reason";
    throw new UsageError("format", `not a readable SQLite file: ${reason}`, {
      hint: "Export it again: `nsys export --type sqlite FILE.nsys-rep`.",
    });
  } finally {
    database?.close();
  }
}

/** A table with spans: SQL for what is read of each row, in terms of the table's own columns. */
interface SpanTable {
  readonly table: string;
  /** Columns without which a table is of no use. */
  readonly needs: readonly string[];
  readonly isDevice: boolean;
  /** Index into `StringIds`, or −1. */
  readonly nameId: (has: Has) => string;
  /** Text, or NULL: goes before the other. */
  readonly text: (has: Has) => string;
  readonly where: (has: Has) => string;
  /** Where neither says a name. */
  readonly fallback: string;
}

type Has = (column: string) => boolean;

const everything = () => "1";
const nothing = () => "NULL";
const pick = (has: Has, columns: readonly string[], otherwise: string) => columns.find(has) ?? otherwise;

const tables: readonly SpanTable[] = [
  {
    table: "CUPTI_ACTIVITY_KIND_KERNEL",
    needs: ["start", "end", "deviceId", "streamId"],
    isDevice: true,
    nameId: (has) => pick(has, ["demangledName", "shortName", "mangledName"], "-1"),
    text: nothing,
    where: everything,
    fallback: "kernel",
  },
  {
    table: "CUPTI_ACTIVITY_KIND_MEMCPY",
    needs: ["start", "end", "deviceId", "streamId"],
    isDevice: true,
    nameId: () => "-1",
    text: (has) => (has("copyKind") ? `'Memcpy ' || ${copyKindSql}` : "'Memcpy'"),
    where: everything,
    fallback: "Memcpy",
  },
  {
    table: "CUPTI_ACTIVITY_KIND_MEMSET",
    needs: ["start", "end", "deviceId", "streamId"],
    isDevice: true,
    nameId: () => "-1",
    text: nothing,
    where: everything,
    fallback: "Memset",
  },
  {
    table: "NVTX_EVENTS",
    needs: ["start", "end", "globalTid"],
    isDevice: false,
    nameId: (has) => pick(has, ["textId"], "-1"),
    text: (has) => pick(has, ["text"], "NULL"),
    // Ranges that are pushed and popped, and those with a start and an end: all else are marks, domains and categories.
    where: (has) => (has("eventType") ? "eventType IN (59, 60)" : "1"),
    fallback: "NVTX range",
  },
  {
    table: "CUPTI_ACTIVITY_KIND_RUNTIME",
    needs: ["start", "end", "globalTid"],
    isDevice: false,
    nameId: (has) => pick(has, ["nameId"], "-1"),
    text: nothing,
    where: everything,
    fallback: "CUDA call",
  },
];

/** Of `CUpti_ActivityMemcpyKind`. */
const copyKindSql = `CASE copyKind WHEN 1 THEN 'HtoD' WHEN 2 THEN 'DtoH' WHEN 3 THEN 'HtoA' WHEN 4 THEN 'AtoH'
  WHEN 5 THEN 'AtoA' WHEN 6 THEN 'AtoD' WHEN 7 THEN 'DtoA' WHEN 8 THEN 'DtoD' WHEN 9 THEN 'HtoH' WHEN 10 THEN 'PtoP'
  ELSE 'of another kind' END`;

interface PresentTable extends SpanTable {
  readonly has: Has;
}

function readDatabase(database: Database): ForeignTrace {
  const present = tables.flatMap((table): PresentTable[] => {
    const columns = columnsOf(database, table.table);
    const has = (column: string) => columns.has(column);
    return table.needs.every(has) ? [{ ...table, has }] : [];
  });
  if (present.length === 0) throw notNsight(database);
  const columns = new SpanColumns();
  const context: Context = {
    columns,
    originSql: originSql(database, present),
    strings: readStrings(database),
    threads: readThreads(database),
    lanes: new Map(),
  };
  for (const table of present) readTable(database, table, context);
  refuseEmpty(columns, TOOL, "Profile with `nsys profile --trace cuda,nvtx` and export the report again.");
  return columns.finish(TOOL);
}

function notNsight(database: Database): UsageError {
  const names = rowsOf(database, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT 5").join(
    ", ",
  );
  return new UsageError("format", `expected tables of Nsight Systems, got ${names === "" ? "none" : names}`, {
    hint: "Trace CUDA or NVTX (`nsys profile --trace cuda,nvtx`) and export with `nsys export --type sqlite`.",
  });
}

interface Context {
  readonly columns: SpanColumns;
  readonly originSql: string;
  readonly strings: ReadonlyMap<number, string>;
  readonly threads: ReadonlyMap<string, string>;
  readonly lanes: Map<string, number>;
}

/** The first start as SQL text: subtracted there, where integers have 64 bits, times stay exact. */
function originSql(database: Database, present: readonly PresentTable[]): string {
  const firsts = present.map(
    ({ table, where, has }) => `SELECT MIN("start") AS first FROM ${table} WHERE ${where(has)}`,
  );
  const [row] = rowsOf(database, `SELECT CAST(MIN(first) AS TEXT) FROM (${firsts.join(" UNION ALL ")})`);
  const text = String(row?.[0] ?? "0");
  return /^-?\d+$/.test(text) ? text : "0";
}

function readTable(database: Database, table: PresentTable, context: Context): void {
  const { columns, originSql: origin, strings } = context;
  const { has, isDevice } = table;
  const globalId = pick(has, isDevice ? ["globalPid"] : ["globalTid"], "NULL");
  const statement =
    database.prepare(`SELECT "start" - (${origin}), "end" - "start", ${table.nameId(has)}, ${table.text(has)},
    (${globalId} >> 24) & 16777215, ${isDevice ? "deviceId, streamId" : `${globalId} & 16777215, 0`}
    FROM ${table.table} WHERE ${table.where(has)}`);
  try {
    while (statement.step()) {
      const [startNs, durationNs, nameId, text, pid, first, second] = statement.get();
      if (typeof startNs !== "number" || typeof durationNs !== "number" || durationNs < 0) {
        columns.numSkipped++;
        continue;
      }
      const name = text ?? strings.get(Number(nameId)) ?? table.fallback;
      const lane = isDevice
        ? deviceLane(context, Number(pid ?? 0), Number(first), Number(second))
        : threadLane(context, Number(pid ?? 0), Number(first), table.table === "NVTX_EVENTS");
      columns.add(lane, columns.nameOf(String(name)), { us: 0, ns: startNs }, durationNs);
    }
  } finally {
    statement.free();
  }
  const [skipped] = rowsOf(database, `SELECT COUNT(*) FROM ${table.table} WHERE NOT (${table.where(has)})`);
  columns.numSkipped += Number(skipped?.[0] ?? 0);
}

function deviceLane(context: Context, pid: number, device: number, stream: number): number {
  const group = pid === 0 ? `GPU ${device}` : `GPU ${device}, process ${pid}`;
  return laneOf(context, group, `stream ${stream}`, true);
}

function threadLane(context: Context, pid: number, tid: number, isNvtx: boolean): number {
  const named = context.threads.get(`${pid}:${tid}`);
  const thread = named === undefined ? `thread ${tid}` : `thread ${tid} ${named}`;
  return laneOf(context, `process ${pid}`, isNvtx ? `${thread} NVTX` : thread, false);
}

function laneOf({ lanes, columns }: Context, group: string, name: string, isDevice: boolean): number {
  const key = `${group}\n${name}`;
  let lane = lanes.get(key);
  if (lane === undefined) {
    lane = columns.addLane({ group, name, isDevice });
    lanes.set(key, lane);
  }
  return lane;
}

function readStrings(database: Database): Map<number, string> {
  const columns = columnsOf(database, "StringIds");
  if (!columns.has("id") || !columns.has("value")) return new Map();
  return new Map(rowsOf(database, "SELECT id, value FROM StringIds").map(([id, value]) => [Number(id), String(value)]));
}

/** Names of threads by `pid:tid`. */
function readThreads(database: Database): Map<string, string> {
  const columns = columnsOf(database, "ThreadNames");
  const strings = columnsOf(database, "StringIds");
  if (!columns.has("nameId") || !columns.has("globalTid") || !strings.has("value")) return new Map();
  const rows = rowsOf(
    database,
    `SELECT (globalTid >> 24) & 16777215, globalTid & 16777215, value
      FROM ThreadNames JOIN StringIds ON StringIds.id = ThreadNames.nameId`,
  );
  return new Map(rows.map(([pid, tid, value]) => [`${pid}:${tid}`, String(value)]));
}

function columnsOf(database: Database, table: string): ReadonlySet<string> {
  return new Set(rowsOf(database, `PRAGMA table_info('${table}')`).map((row) => String(row[1])));
}

function rowsOf(database: Database, query: string) {
  return database.exec(query)[0]?.values ?? [];
}
