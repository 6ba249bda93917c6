export { defaultMesh, type Extent, meshesOf, meshOfDegrees, requireMesh } from "./meshes.ts";
export { type PlanRequest, planSchedule } from "./plan.ts";
export { allPaths, countPaths, paperPath, parsePath } from "./torus-path.ts";
