// Bundles GraphiQL into the folder that is named: scripts, a style sheet and fonts, each with a hash in its name, and
// manifest.json, which tells the page what they are called. Run by hatch_build.py, beside the installed packages.

import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";

const out = process.argv[2];
const common = {
  bundle: true,
  minify: true,
  outdir: out,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  target: ["chrome111", "firefox114", "safari16.4"],
  loader: { ".ttf": "file", ".woff2": "file" },
  define: { "process.env.NODE_ENV": '"production"' },
  // The packages' licences stay with the code that they cover.
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
};

/** What became of each entry point, by the name that it was given. */
function names({ outputs }) {
  return Object.entries(outputs).filter(([, output]) => output.entryPoint !== undefined);
}

async function workers() {
  const { metafile } = await build({
    ...common,
    format: "iife",
    entryPoints: {
      "editor-worker": "monaco-editor/esm/vs/editor/editor.worker.js",
      "json-worker": "monaco-editor/esm/vs/language/json/json.worker.js",
      "graphql-worker": "monaco-graphql/esm/graphql.worker.js",
    },
  });
  const files = names(metafile).map(([path]) => basename(path));
  return Object.fromEntries(files.map((file) => [file.split("-")[0], file]));
}

async function page(workerFiles) {
  const { metafile } = await build({
    ...common,
    format: "esm",
    splitting: true,
    jsx: "automatic",
    entryPoints: { page: "page.jsx" },
    define: { ...common.define, WORKERS: JSON.stringify(workerFiles) },
  });
  const [[path, { cssBundle }]] = names(metafile).filter(([, output]) => output.entryPoint === "page.jsx");
  return { script: basename(path), style: basename(cssBundle) };
}

const manifest = await page(await workers());
await writeFile(join(out, "manifest.json"), JSON.stringify(manifest));
