import { CombinedGraphQLErrors } from "@apollo/client";
import type { Client } from "./client.ts";
import { CursorDocument, EventsDocument, type EventsSubscription } from "./generated/graphql.ts";

type Event = EventsSubscription["instructionEvents"];

export async function newestCursor(client: Client): Promise<string> {
  const { data, error } = await client.query({ query: CursorDocument });
  if (!data) throw error;
  return data.instructionEventsCursor;
}

/**
 * Gives each event after the cursor to `take`, once and in order, over lost connections and restarts.
 * After `reset`, events are missing: read the list of instructions again. Returns a function that ends it.
 */
export function follow(client: Client, after: string, take: (event: Event) => unknown, reset: () => unknown) {
  let cursor = after;
  let isOver = false;
  let subscription: { unsubscribe(): void } | undefined;
  const again = () => !isOver && setTimeout(subscribe, 500);

  async function subscribe() {
    if (isOver) return;
    subscription = client
      .subscribe({ query: EventsDocument, variables: { after: cursor }, fetchPolicy: "no-cache", errorPolicy: "all" })
      .subscribe({
        next({ data, error }) {
          if (data) {
            cursor = data.instructionEvents.cursor;
            take(data.instructionEvents);
          }
          if (error) void recover(error);
        },
        complete: again,
      });
  }

  async function recover(error: unknown) {
    subscription?.unsubscribe();
    const { code, cursor: place } = CombinedGraphQLErrors.is(error) ? (error.errors[0].extensions ?? {}) : {};
    if (code === "STREAM_BEHIND") cursor = String(place);
    if (code === "STREAM_RESET") {
      try {
        cursor = await newestCursor(client);
        reset();
      } catch {
        // The next attempt gets STREAM_RESET again.
      }
    }
    again();
  }

  void subscribe();
  return () => {
    isOver = true;
    subscription?.unsubscribe();
  };
}
