import initSqlJs from "sql.js";

export const encode = (text: string) => new TextEncoder().encode(text);
export const loadSql = () => initSqlJs();

/** As the profiler of PyTorch 2.6 writes it, on rank 3 of a job with NCCL. */
export const kinetoProfile = `{
  "schemaVersion": 1,
  "deviceProperties": [
    {
      "id": 0, "name": "NVIDIA H100 80GB HBM3", "computeMajor": 9, "computeMinor": 0, "numSms": 132
    }
  ],
  "distributedInfo": {"backend": "nccl", "rank": 3, "world_size": 8, "pg_count": 1},
  "record_shapes": 1,
  "trace_id": "301995E163ED42048FBD783860E6E7DC",
  "displayTimeUnit": "ms",
  "baseTimeNanoseconds": 1743521598000000000,
  "traceEvents": [
  {
    "ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 4242, "tid": 4243,
    "ts": 1743521598093488.463, "dur": 425.453,
    "args": {
      "External id": 1340,"Input Dims": [[1, 3], []], "note": "a \\"ts\\": 1} in a string", "ts": 5
    }
  },
  {
    "ph": "X", "cat": "kernel", "name": "flash_fwd_kernel<cutlass::bfloat16_t>", "pid": 3, "tid": 7,
    "ts": 1743521598093490.001, "dur": 12.002, "args": { "device": 3, "stream": 7 }
  },
  {
    "ph": "X", "cat": "kernel", "name": "ncclDevKernel_SendRecv", "pid": 3, "tid": 20,
    "ts": 1743521598093491.5, "dur": 30, "args": { "device": 3, "stream": 20 }
  },
  {
    "ph": "X", "cat": "gpu_memcpy", "name": "Memcpy DtoD \\u2192 \\\\", "pid": 3, "tid": 7,
    "ts": 1743521598093495.000, "dur": 2.500, "args": { "bytes": 4096 }
  },
  { "ph": "s", "id": 5, "pid": 4242, "tid": 4243, "ts": 1743521598093488.463, "cat": "ac2g", "name": "ac2g" },
  { "ph": "f", "id": 5, "pid": 3, "tid": 7, "ts": 1743521598093490.001, "cat": "ac2g", "name": "ac2g", "bp": "e" },
  { "name": "process_name", "ph": "M", "ts": 1743521598093488.463, "pid": 4242, "tid": 0, "args": { "name": "python" } },
  { "name": "process_labels", "ph": "M", "ts": 0, "pid": 4242, "tid": 0, "args": { "labels": "CPU" } },
  { "name": "process_name", "ph": "M", "ts": 0, "pid": 3, "tid": 0, "args": { "name": "python" } },
  { "name": "process_labels", "ph": "M", "ts": 0, "pid": 3, "tid": 0, "args": { "labels": "GPU 3" } },
  { "name": "thread_name", "ph": "M", "ts": 0, "pid": 3, "tid": 7, "args": { "name": "stream 7 7" } },
  { "name": "thread_name", "ph": "M", "ts": 0, "pid": 4242, "tid": 4243, "args": { "name": "thread 4243 (python)" } },
  {
    "ph": "X", "cat": "Trace", "ts": 1743521598093400, "dur": 1000, "pid": "Spans", "tid": "PyTorch Profiler",
    "name": "PyTorch Profiler (0)", "args": { "Op count": 0 }
  },
  { "name": "Record Window End", "ph": "i", "s": "g", "pid": "", "tid": "", "ts": 1743521598094400 }
  ],
  "traceName": "/tmp/rank3.pt.trace.json"
}`;

/** Process 4242 and a thread of it, of a machine whose ids need all 64 bits. */
const pid = (0x7fn << 56n) | (4242n << 24n);
const tid = pid | 4243n;

/** A SQLite file. */
export async function makeSqlite(statements: string): Promise<Uint8Array> {
  const sql = await loadSql();
  const database = new sql.Database();
  database.run(statements);
  const bytes = database.export();
  database.close();
  return bytes;
}

/** Times since 1970: a double would round them to 256 ns. */
const start = 1_743_521_598_000_000_000n;
export const nsightTables = `
  CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT);
  INSERT INTO StringIds VALUES (1, 'void flash::kernel<float, 128>()'), (2, 'flash'), (3, 'cudaLaunchKernel'),
    (4, 'step'), (5, 'main');
  CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER, end INTEGER, deviceId INTEGER, contextId INTEGER,
    streamId INTEGER, correlationId INTEGER, globalPid INTEGER, demangledName INTEGER, shortName INTEGER);
  INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES
    (${start + 1000n}, ${start + 1501n}, 0, 1, 7, 1, ${pid}, 1, 2),
    (${start + 1200n}, ${start + 1203n}, 0, 1, 7, 2, ${pid}, 1, 2),
    (${start + 1203n}, ${start + 1204n}, 1, 1, 13, 3, ${pid}, 99, 2);
  CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INTEGER, end INTEGER, deviceId INTEGER, contextId INTEGER,
    streamId INTEGER, bytes INTEGER, copyKind INTEGER, globalPid INTEGER);
  INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (${start + 7n}, ${start + 9n}, 0, 1, 7, 4096, 10, ${pid});
  CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INTEGER, end INTEGER, globalTid INTEGER, nameId INTEGER);
  INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (${start}, ${start + 5n}, ${tid}, 3);
  CREATE TABLE NVTX_EVENTS (start INTEGER, end INTEGER, eventType INTEGER, text TEXT, globalTid INTEGER, textId INTEGER);
  INSERT INTO NVTX_EVENTS VALUES (${start + 2n}, ${start + 2000n}, 59, NULL, ${tid}, 4),
    (${start + 3n}, ${start + 4n}, 60, 'attend', ${tid}, NULL), (${start + 3n}, NULL, 60, 'open', ${tid}, NULL),
    (${start + 3n}, NULL, 34, 'mark', ${tid}, NULL);
  CREATE TABLE ThreadNames (nameId INTEGER, priority INTEGER, globalTid INTEGER);
  INSERT INTO ThreadNames VALUES (5, 0, ${tid});`;

export const nsightLines = [
  `{"data":["[Unknown]","flash","void flash()","cudaMemcpyAsync"],"files":[]}`,
  `{"Type":79,"CudaEvent":{"startNs":"1743521598000000501","endNs":"1743521598000000603","correlationId":8,"globalPid":"${pid}","deviceId":0,"streamId":7,"eventClass":3,"kernel":{"shortName":"1","demangledName":"2"}}}`,
  `{"Type":79,"CudaEvent":{"startNs":"1743521598000000550","endNs":"1743521598000000551","globalPid":"${pid}","deviceId":0,"streamId":7,"memcpy":{"sizebytes":"4096","copyKind":1}}}`,
  `{"Type":79,"CudaEvent":{"startNs":"1743521598000000550","endNs":"1743521598000000551","streamId":7,"sync":{}}}`,
  `{"Type":48,"TraceProcessEvent":{"startNs":"1743521598000000500","endNs":"1743521598000000502","globalTid":"${tid}","name":"3"}}`,
  `{"Type":59,"NvtxEvent":{"Type":59,"Timestamp":"1743521598000000400","Text":"step","GlobalTid":"${tid}","EndTimestamp":"1743521598000000700","NsTime":true}}`,
  "",
];

export const nsightCsv = `Generating SQLite file run.sqlite from run.nsys-rep
Processing [run.sqlite] with [cuda_gpu_trace.py]...
Start (us),Duration (us),CorrId,GrdX,Device,Ctx,Strm,Name
100.001,50.5,1,4,NVIDIA A100-SXM4-80GB (0),1,7,"void kernel<float, ""x"">(int)"
120,3,2,,NVIDIA A100-SXM4-80GB (0),1,8,[CUDA memcpy Peer-to-Peer]
`;
