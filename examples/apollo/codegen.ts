import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  // Or the schema of a running server: "http://127.0.0.1:8000/schema.graphql".
  schema: "../../schema.graphql",
  documents: "src/operations.graphql",
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        // Amounts stay strings: a JavaScript number cannot hold every amount.
        scalars: { CurrencyCode: "string", Date: "string", DateTime: "string", Decimal: "string" },
      },
    },
    // Without the possible types, Apollo Client finds no field of `... on MutationError`.
    "src/generated/possible-types.ts": { plugins: ["fragment-matcher"] },
  },
};

export default config;
