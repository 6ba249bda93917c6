import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "../plan/errors.ts";

/**
 * Path of a bundle in `dist/` (its entry stands in `scripts/build.mjs`): beside this file where it is itself bundled,
 * else in the checkout that this source file belongs to. Node 20 starts no `.ts` file as a worker.
 */
export function bundlePath(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    for (const path of [join(folder, `${name}.js`), join(folder, "dist", `${name}.js`)])
      if (existsSync(path)) return path;
    assert(dirname(folder) !== folder, `dist/${name}.js is not built: npm run build`);
    folder = dirname(folder);
  }
}
