// A question of a component, asked again when its variables change. What is on the screen stays until the next answer.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask } from "./graph.js";

const PATIENCE = [2, 4, 8, 15, 30];

/**
 * { data, errors, problem, loading }; again() asks once more, set() puts a newer state from a stream in its place. With `persist`, a failure is asked again after growing
 * pauses until it heals: `isHealthy` says whether an answer is complete. A new `epoch` asks again, too.
 */
export function useAnswer(name, variables, { skip = false, epoch = 0, persist = false, isHealthy = () => true } = {}) {
  const answer = useSignal({ data: null, errors: [], problem: null, loading: true });
  const turn = useSignal(0);
  const asked = JSON.stringify(variables);

  useEffect(() => {
    if (skip) return;
    let isWanted = true;
    let timer;
    const attempt = async (failures) => {
      answer.value = { ...answer.peek(), loading: true };
      const next = await ask(name, variables).then(
        ({ data, errors }) => ({ data, errors, problem: null, loading: false }),
        (problem) => ({ ...answer.peek(), problem, loading: false }),
      );
      // A later question has taken its place, or the page was left.
      if (!isWanted) return;
      answer.value = next;
      if (persist && (next.problem || !isHealthy(next))) {
        timer = setTimeout(attempt, PATIENCE[Math.min(failures, PATIENCE.length - 1)] * 1000, failures + 1);
      }
    };
    attempt(0);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [name, asked, skip, epoch, turn.value]);

  return {
    ...answer.value,
    again: () => (turn.value += 1),
    latest: () => answer.peek().data,
    set: (data) => (answer.value = { ...answer.peek(), data }),
  };
}
