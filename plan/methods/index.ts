export { defaultMesh, type Extent, meshesOf, meshNote, meshOfDegrees, requireMesh } from "./meshes.ts";
export { MAX_TILES, planSchedule, requireTiles } from "./plan.ts";
export { allPaths, countPaths, paperPath, parsePath } from "./torus-path.ts";
