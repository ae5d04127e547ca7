// @urql/core's modules read process.env, which bundlers define. This module is imported before them and is all that they
// need.
globalThis.process ??= { env: { NODE_ENV: "production" } };
