import { test } from "vitest";
import { readFileSync, readdirSync } from "node:fs";
import { importTopology } from "./importers.ts";
import { compileNetwork } from "../topology/network.ts";
import { createRoutes } from "../topology/routes.ts";
import { repeatMachines } from "../topology/repeat.ts";
import { validateTopology } from "../topology/validate.ts";
import { nearestNics } from "../topology/nics.ts";
const dir = "../shared/data/samples/nvidia-smi-topo";
test("x", () => {
  for (const f of readdirSync(dir)) {
    let out = `=== ${f}\n`;
    try {
      const t = importTopology(readFileSync(`${dir}/${f}`), { fileName: f });
      const n = compileNetwork(t); const r = createRoutes(n);
      out += `ranks ${n.numRanks} nodes ${n.numNodes} links ${t.links.length}: ${t.nodes.map(x=>x.id).join(" ")}\n` + t.assumed.map(a=>"  - "+a+"\n").join("");
      const show=(a:number,b:number)=>[...r.path(a,b)].map(l=>n.nodeIds[n.linkFrom[l]!]+"@"+n.capacity[l]!/1e9).join(" ");
      out += `  0->last ${show(n.rankNodes[0]!, n.rankNodes[n.numRanks-1]!)}\n  nics ${nearestNics(t,n,r).map(x=>x===null?"-":n.nodeIds[x]).join(" ")}\n`;
      const t2 = repeatMachines(t, 2); validateTopology(t2);
      const n2 = compileNetwork(t2); const r2 = createRoutes(n2);
      out += "  x2: " + [...r2.path(n2.rankNodes[0]!, n2.rankNodes[n2.numRanks-1]!)].map(l=>n2.nodeIds[n2.linkFrom[l]!]+"@"+n2.capacity[l]!/1e9).join(" ")+"\n" + t2.assumed.slice(t.assumed.length).map(a=>"  - "+a+"\n").join("");
    } catch (e) { out += `  ERROR ${(e as any).name} ${(e as any).code} ${(e as Error).message} | ${(e as any).path} | ${(e as any).hint}\n`; if ((e as any).name !== "UsageError") out += (e as Error).stack; }
    console.log(out);
  }
});
