// graphql-codegen makes types of the schema and of a document, and the TypeScript compiler takes them without a word.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codegen } from "@graphql-codegen/core";
import * as typed from "@graphql-codegen/typed-document-node";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";
import ts from "typescript";

const [schemaFile, documentFile, folder] = process.argv.slice(2);
const config = { strictScalars: true, scalars: { Decimal: "string", DateTime: "string", Date: "string", CurrencyCode: "string" } };
mkdirSync(folder, { recursive: true });
const filename = join(folder, "graph.ts");
const text = await codegen({
  filename,
  schema: parse(readFileSync(schemaFile, "utf8")),
  documents: [{ location: documentFile, document: parse(readFileSync(documentFile, "utf8")) }],
  plugins: [{ operations: {} }, { typed: {} }],
  pluginMap: { operations, typed },
  config,
});
writeFileSync(filename, text);

const program = ts.createProgram([filename], {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  typeRoots: [],
  baseUrl: import.meta.dirname,
  paths: { "@graphql-typed-document-node/core": ["node_modules/@graphql-typed-document-node/core/typings/index.d.ts"] },
});
const problems = ts.getPreEmitDiagnostics(program).map((one) => ts.flattenDiagnosticMessageText(one.messageText, "\n"));
process.stdout.write(JSON.stringify({ problems, text }));
