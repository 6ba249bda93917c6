/**
 * A test rig of several hosts on one Linux machine: network namespaces (with host names and shared memory of their own)
 * joined by veth pairs and bridges, whose rates `tc tbf` limits. Links between them are real and slow, memory inside is
 * fast. `node scripts/rig.mjs --help` says how to use it from a shell. Needs root and iproute2.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const subnet = "10.77.0.0/16";
const prefix = "toroid-rig-";

/**
 * Bytes that a link passes at full speed after a pause, and how long its queue may get. The bucket has to hold a segment
 * of 64 KiB; the queue is long enough never to drop what the sockets below hold.
 */
const burst = "128kb";
const queue = "400ms";

/** Socket buffers, bytes: what a flow has on its way at most, so that queues stay short. */
const socketBytes = 512 * 1024;

/**
 * @typedef {object} RigSpec
 * @property {number} machines 2 to 16
 * @property {number} gigabits of each machine's link, both directions
 * @property {number} [leaves] switches that machines are dealt to in blocks; with more than one, a spine joins them
 * @property {number} [uplinkGigabits] of each leaf's link to the spine
 * @property {{ machine: number, gigabits: number }} [degraded] another rate of one machine's link
 */

/**
 * @typedef {object} Rig
 * @property {string} name
 * @property {{ name: string, namespace: string, address: string }[]} hosts
 * @property {Record<string, string>} env what Open MPI and UCX need to run across the hosts
 * @property {(machine: number, argv: string[]) => string[]} command what runs `argv` on a host
 * @property {(machine: number) => void} cutLink
 * @property {(machine: number) => void} restoreLink
 * @property {() => void} close kills what runs on the hosts and removes them
 */

/** Why no rig can be made here and how that can be mended, or null. */
export function rigObstacle() {
  if (process.platform !== "linux") return "the rig needs Linux";
  if (process.getuid?.() !== 0) return "the rig needs root";
  for (const program of ["ip", "tc", "unshare", "nsenter"])
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0)
      return `the rig needs ${program}: apt-get install iproute2 util-linux`;
  const name = `${prefix}probe-${process.pid}`;
  try {
    ip("netns", "add", name);
    ip("-n", name, "link", "add", "probe", "type", "veth", "peer", "name", "probe2");
    sh(`ip netns exec ${name} tc qdisc add dev probe root tbf rate 1gbit burst ${burst} latency ${queue}`);
    return null;
  } catch (error) {
    return `this kernel refuses what the rig is made of: ${error instanceof Error ? error.message.trim() : error}`;
  } finally {
    spawnSync("ip", ["netns", "del", name]);
  }
}

/**
 * Makes the hosts. Throws for a spec that makes no sense, and where the system refuses something; nothing stays then.
 * @param {RigSpec} spec
 * @returns {Rig}
 */
export function createRig(spec) {
  requireSpec(spec);
  const { machines, gigabits, leaves = 1, uplinkGigabits = 0, degraded } = spec;
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const name = folder.slice(folder.lastIndexOf("-") + 1);
  const hosts = Array.from({ length: machines }, (_, machine) => ({
    name: `h${machine}`,
    namespace: `${prefix}${name}-h${machine}`,
    address: `10.77.0.${machine + 1}`,
  }));
  const network = `${prefix}${name}-net`;
  try {
    ip("netns", "add", network);
    const bridges = Array.from({ length: leaves }, (_, leaf) => `leaf${leaf}`);
    for (const bridge of leaves > 1 ? [...bridges, "spine"] : bridges) {
      ip("-n", network, "link", "add", bridge, "type", "bridge");
      ip("-n", network, "link", "set", bridge, "up");
    }
    if (leaves > 1) {
      for (const [leaf, bridge] of bridges.entries()) {
        ip("-n", network, "link", "add", `up${leaf}`, "type", "veth", "peer", "name", `down${leaf}`);
        attach(network, `up${leaf}`, bridge, uplinkGigabits);
        attach(network, `down${leaf}`, "spine", uplinkGigabits);
      }
    }
    const names = hosts.map((host) => `${host.address} ${host.name}`);
    for (const [machine, host] of hosts.entries()) {
      const rate = degraded?.machine === machine ? degraded.gigabits : gigabits;
      mkdirSync(`/etc/netns/${host.namespace}`, { recursive: true });
      writeFileSync(`/etc/netns/${host.namespace}/hosts`, ["127.0.0.1 localhost", ...names, ""].join("\n"));
      ip("netns", "add", host.namespace);
      ip("-n", host.namespace, "link", "set", "lo", "up");
      ip(
        "-n",
        network,
        "link",
        "add",
        `port${machine}`,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        host.namespace,
      );
      attach(network, `port${machine}`, bridges[Math.floor((machine * leaves) / machines)] ?? "", rate);
      ip("-n", host.namespace, "address", "add", `${host.address}/16`, "dev", "eth0");
      ip("-n", host.namespace, "link", "set", "eth0", "up");
      limit(host.namespace, "eth0", rate);
      for (const file of ["tcp_rmem", "tcp_wmem"])
        sh(
          `ip netns exec ${host.namespace} sh -c 'echo 4096 ${socketBytes / 2} ${socketBytes} > /proc/sys/net/ipv4/${file}'`,
        );
      keepHost(folder, host);
    }
    writeFileSync(join(folder, "agent"), agentScript(folder));
    chmodSync(join(folder, "agent"), 0o755);
    writeFileSync(join(folder, "rig.json"), JSON.stringify({ owner: process.pid, spec, hosts }));
    return openRig(name);
  } catch (error) {
    closeRig(name);
    throw error;
  }
}

/** @param {RigSpec} spec */
function requireSpec({ machines, gigabits, leaves = 1, uplinkGigabits, degraded }) {
  if (!Number.isInteger(machines) || machines < 2 || machines > 16) throw new Error("expected 2 to 16 machines");
  if (!Number.isInteger(leaves) || leaves < 1 || leaves > machines) throw new Error(`expected 1 to ${machines} leaves`);
  if (leaves > 1 && uplinkGigabits === undefined) throw new Error("expected a rate of the uplinks of several leaves");
  for (const rate of [gigabits, uplinkGigabits ?? gigabits, degraded?.gigabits ?? gigabits])
    if (!(rate >= 0.01 && rate <= 40)) throw new Error(`expected 0.01 to 40 Gb/s, got ${rate}`);
  if (
    degraded !== undefined &&
    !(Number.isInteger(degraded.machine) && degraded.machine >= 0 && degraded.machine < machines)
  )
    throw new Error(`expected a degraded machine from 0 to ${machines - 1}, got ${degraded.machine}`);
}

/**
 * A rig that was made before.
 * @param {string} name
 * @returns {Rig}
 */
export function openRig(name) {
  const folder = join(tmpdir(), `${prefix}${name}`);
  if (!existsSync(join(folder, "rig.json")))
    throw new Error(`no rig ${name}; there are: ${listRigs().join(", ") || "none"}`);
  /** @type {{ hosts: Rig["hosts"] }} */
  const { hosts } = JSON.parse(readFileSync(join(folder, "rig.json"), "utf8"));
  /** @param {number} machine */
  const hostAt = (machine) => {
    const host = hosts[machine];
    if (host === undefined) throw new Error(`no machine ${machine} in a rig of ${hosts.length}`);
    return host;
  };
  return {
    name,
    hosts,
    env: {
      OMPI_MCA_plm_rsh_agent: join(folder, "agent"),
      OMPI_MCA_oob_tcp_if_include: subnet,
      OMPI_MCA_btl_tcp_if_include: subnet,
      UCX_TLS: "tcp,self,sm",
      UCX_NET_DEVICES: "eth0",
    },
    command: (machine, argv) => [join(folder, "agent"), hostAt(machine).name, "exec", ...argv.map(quote)],
    cutLink: (machine) => ip("-n", hostAt(machine).namespace, "link", "set", "eth0", "down"),
    restoreLink: (machine) => ip("-n", hostAt(machine).namespace, "link", "set", "eth0", "up"),
    close: () => closeRig(name),
  };
}

/** Names of all rigs of this machine. */
export function listRigs() {
  return readdirSync(tmpdir())
    .filter((entry) => entry.startsWith(prefix))
    .map((entry) => entry.slice(prefix.length));
}

/** @param {string} name */
function closeRig(name) {
  const folder = join(tmpdir(), `${prefix}${name}`);
  const spaces = spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout.match(/^\S+/gm) ?? [];
  for (const space of spaces.filter((one) => one.startsWith(`${prefix}${name}-`))) {
    const inside = spawnSync("ip", ["netns", "pids", space], { encoding: "utf8" }).stdout.match(/\d+/g) ?? [];
    for (const pid of inside) spawnSync("kill", ["-9", pid]);
    spawnSync("ip", ["netns", "del", space]);
    rmSync(`/etc/netns/${space}`, { recursive: true, force: true });
  }
  rmSync(folder, { recursive: true, force: true });
}

/**
 * A process that keeps the host's name and shared memory alive, so that all that runs on the host shares them.
 * @param {string} folder
 * @param {Rig["hosts"][number]} host
 */
function keepHost(folder, { name, namespace }) {
  const pidFile = join(folder, `${name}.pid`);
  const keep = `hostname ${name}; echo $$ > ${pidFile}; exec sleep infinity`;
  sh(`ip netns exec ${namespace} unshare --uts --ipc sh -c '${keep}' > /dev/null 2>&1 < /dev/null &`);
  for (let i = 0; i < 500 && !(existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n")); i++)
    sh("sleep 0.01");
}

/**
 * What Open MPI calls as `agent [options] HOST COMMAND…` in place of ssh: runs the command on the host.
 * @param {string} folder
 */
function agentScript(folder) {
  return [
    "#!/bin/sh",
    'while case "$1" in -*) true;; *) false;; esac; do shift; done',
    'host="$1"; shift',
    `pid="$(cat "${folder}/$host.pid")" || exit 255`,
    `exec ip netns exec "${prefix}${folder.slice(folder.lastIndexOf("-") + 1)}-$host" ` +
      'nsenter --uts --ipc --target "$pid" sh -c "$*"',
    "",
  ].join("\n");
}

/**
 * Puts one end of a cable into a bridge.
 * @param {string} network
 * @param {string} device
 * @param {string} bridge
 * @param {number} gigabits
 */
function attach(network, device, bridge, gigabits) {
  ip("-n", network, "link", "set", device, "master", bridge);
  ip("-n", network, "link", "set", device, "up");
  limit(network, device, gigabits);
}

/**
 * @param {string} namespace
 * @param {string} device
 * @param {number} gigabits
 */
function limit(namespace, device, gigabits) {
  const rate = `${Math.round(gigabits * 1e6)}kbit`;
  sh(`ip netns exec ${namespace} tc qdisc add dev ${device} root tbf rate ${rate} burst ${burst} latency ${queue}`);
}

/** @param {string[]} args */
function ip(...args) {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** @param {string} command */
function sh(command) {
  execFileSync("sh", ["-c", command], { stdio: ["ignore", "ignore", "pipe"] });
}

/** @param {string} text */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const help = `usage: node scripts/rig.mjs COMMAND
  up --machines 2 --gigabits 1 [--leaves 2 --uplink 0.5] [--degrade 1:0.25]
  exec NAME HOST -- COMMAND…    run something on a host
  cut NAME HOST, restore NAME HOST
  down NAME, down --all
  list

Example:
  node scripts/rig.mjs up --machines 2 --gigabits 1
  node scripts/rig.mjs exec NAME h0 -- npx toroid run --backend openshmem --hosts h0:2,h1:2 \\
      --method torus --tokens 4096 --heads 8 --head-dim 64`;

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      machines: { type: "string", default: "2" },
      gigabits: { type: "string", default: "1" },
      leaves: { type: "string", default: "1" },
      uplink: { type: "string" },
      degrade: { type: "string" },
      all: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const [command, name = "", host = "", ...rest] = positionals;
  if (values.help === true) return console.log(help);
  const machineOf = () => openRig(name).hosts.findIndex((one) => one.name === host);
  if (command === "up") {
    const obstacle = rigObstacle();
    if (obstacle !== null) throw new Error(obstacle);
    const [machine, gigabits] = (values.degrade ?? "").split(":").map(Number);
    const rig = createRig({
      machines: Number(values.machines),
      gigabits: Number(values.gigabits),
      leaves: Number(values.leaves),
      ...(values.uplink === undefined ? {} : { uplinkGigabits: Number(values.uplink) }),
      ...(values.degrade === undefined ? {} : { degraded: { machine: machine ?? -1, gigabits: gigabits ?? 0 } }),
    });
    console.log(`${rig.name}: ${rig.hosts.map((one) => `${one.name} (${one.address})`).join(", ")}`);
  } else if (command === "exec" && rest.length > 0) {
    const rig = openRig(name);
    const [program = "", ...args] = rig.command(machineOf(), rest);
    const { status } = spawnSync(program, args, { stdio: "inherit", env: { ...process.env, ...rig.env } });
    process.exitCode = status ?? 1;
  } else if (command === "cut") openRig(name).cutLink(machineOf());
  else if (command === "restore") openRig(name).restoreLink(machineOf());
  else if (command === "down" && (name !== "" || values.all === true))
    for (const one of values.all === true ? listRigs() : [name]) closeRig(one);
  else if (command === "list") for (const one of listRigs()) console.log(one);
  else {
    console.error(help);
    process.exitCode = 2;
  }
}

if (process.argv[1]?.endsWith("rig.mjs") === true) {
  try {
    main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
