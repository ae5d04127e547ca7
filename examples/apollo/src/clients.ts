import type { Client } from "./client.ts";
import { ClientsDocument, type ClientsQueryVariables } from "./generated/graphql.ts";

/** The clients page by page. The cursors stay valid while clients come and go. */
export async function* pages(client: Client, first: number) {
  let variables: ClientsQueryVariables = { first };
  for (;;) {
    const { data, error } = await client.query({ query: ClientsDocument, variables });
    // With errorPolicy "all" there may be both: the data, and errors of single fields.
    if (!data?.clients) throw error;
    yield data.clients.nodes;
    const { hasNextPage, endCursor } = data.clients.pageInfo;
    if (!hasNextPage) return;
    variables = { first, after: endCursor };
  }
}
