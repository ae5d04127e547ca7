// Composes the subgraphs that come as JSON on standard input: [{ name, url, sdl }]. Prints what the composer of the
// argument gives, as JSON: { supergraph, errors }.

import { readFileSync } from "node:fs";
import { parse } from "graphql";

const composers = {
  async apollo(subgraphs) {
    const { composeServices } = await import("@apollo/composition");
    const { supergraphSdl, errors } = composeServices(
      subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })),
    );
    return { supergraph: supergraphSdl, errors };
  },
  async theguild(subgraphs) {
    const { composeServices } = await import("@theguild/federation-composition");
    const { supergraphSdl, errors } = composeServices(
      subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })),
    );
    return { supergraph: supergraphSdl, errors };
  },
};

const { supergraph, errors } = await composers[process.argv[2]](JSON.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify({ supergraph, errors: (errors ?? []).map(({ message }) => message) }));
