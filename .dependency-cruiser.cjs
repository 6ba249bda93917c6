/**
 * The direction of dependencies. Each rule says what to do instead of breaking it; ARCHITECTURE.md says why.
 * Tests (`*.test.ts`) obey the folder rules too, but may use Node, vitest, fast-check and `test/support`.
 */
const test = "\\.test\\.ts$";
const folders = "^(?:plan|sim|runtime|native|web|cli|test|traces|bench|studies|scripts|bin)/";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "plan-imports-no-other-folder",
      comment:
        "plan is the ground floor. Move what it needs into plan, or pass it in as an argument; a test that needs several folders belongs in test/.",
      severity: "error",
      from: { path: "^plan/" },
      to: { path: folders, pathNot: "^(?:plan/|test/support/)" },
    },
    {
      name: "sim-imports-only-plan",
      comment:
        "sim turns plan's Schedule into plan's Trace and knows nobody else. Move shared code into plan; a test that needs several folders belongs in test/.",
      severity: "error",
      from: { path: "^sim/" },
      to: { path: folders, pathNot: "^(?:plan|sim)/|^test/support/" },
    },
    {
      name: "plan-and-sim-use-no-node",
      comment:
        "plan and sim run unchanged in a browser worker. Take text or bytes in and give values out; files, clocks and processes belong in cli or runtime.",
      severity: "error",
      from: { path: "^(?:plan|sim)/", pathNot: test },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "plan-and-sim-use-portable-libraries",
      comment:
        "Only libraries that need neither Node nor a DOM. If a new one is like that, name it here; otherwise use it from cli or runtime and pass in what it makes.",
      severity: "error",
      from: { path: "^(?:plan|sim)/", pathNot: test },
      to: { path: "(?:^|/)node_modules/", pathNot: "(?:^|/)node_modules/(?:zod|yaml|@noble/hashes)/" },
    },
    {
      name: "runtime-imports-no-sim",
      comment:
        "Prediction and measurement stay apart so that comparing them means something. Share through plan (Schedule, Trace); only runtime/server may offer both.",
      severity: "error",
      from: { path: "^runtime/", pathNot: "^runtime/server/" },
      to: { path: "^sim/" },
    },
    {
      name: "runtime-imports-only-plan-and-native",
      comment: "runtime executes a Schedule. Let cli or web call it, never the other way round.",
      severity: "error",
      from: { path: "^runtime/" },
      to: { path: folders, pathNot: "^(?:plan|sim|runtime|native)/|^test/support/" },
    },
    {
      name: "web-imports-no-runtime",
      comment: "The page runs in a browser: reach runtime over HTTP, through its server.",
      severity: "error",
      from: { path: "^web/" },
      to: { path: folders, pathNot: "^(?:web|plan|sim)/|^test/support/" },
    },
    {
      name: "nobody-imports-cli",
      comment:
        "cli is the top floor. Move logic that others want (and that is worth testing) into plan, sim or runtime.",
      severity: "error",
      from: { path: folders, pathNot: "^(?:cli|test|scripts|bin)/" },
      to: { path: "^cli/" },
    },
    {
      name: "production-imports-no-tests",
      comment:
        "Production code stands without tests, benchmarks and studies. Move what it needs out of there; what only tests need stays.",
      severity: "error",
      from: { path: "^(?:plan|sim|runtime|native|web|cli)/", pathNot: test },
      to: { path: "^(?:test|bench|studies)/|\\.test\\.ts$" },
    },
    {
      name: "production-uses-declared-dependencies",
      comment: "What production code imports is bundled: list it under `dependencies` in package.json.",
      severity: "error",
      from: { path: "^(?:plan|sim|runtime|native|web|cli)/", pathNot: [test, "\\.test-support\\.ts$"] },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "no-circular",
      comment:
        "Two files that need each other are one concept, or there is a third one in them: merge them or take it out. Type imports count too.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "not-to-unresolvable",
      comment: "An import that cannot be resolved is not checked by any rule: correct the path or install the package.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "(?:^|/)node_modules/" },
    exclude: { path: "(?:^|/)(?:dist|fixtures)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.node.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".tsx", ".mjs", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
