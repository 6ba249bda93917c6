import { defineConfig } from "vite";

/** The page: a static site in dist/web/ that works from any path, its workers bundled, nothing from another host. */
export default defineConfig({
  root: "web",
  base: "./",
  publicDir: false,
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  worker: { format: "es" },
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // A worker or a font inlined as data: would be refused by the server's content security policy.
    assetsInlineLimit: 0,
  },
});
