import initSqlJs from "sql.js";
import wasmUrl from "sql.js/dist/sql-wasm.wasm?url";

/** SQLite from beside the page. */
export const loadSql = () => initSqlJs({ locateFile: () => wasmUrl });
