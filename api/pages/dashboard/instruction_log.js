// The log of all instructions, from a cursor on. The order is what makes it complete: first the cursor, then the list,
// then the stream from that cursor. Whatever happens in between comes with the stream.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask, follow } from "./graph.js";

const PAUSE = 3000;

/**
 * { isReady, epoch, changed, problem }. Read the list once the log is ready, and again with each new epoch; lay `changed`
 * over it by merged(). The log tries again by itself after a problem.
 */
export function useInstructionLog() {
  const log = useSignal({ isReady: false, epoch: 0, changed: {}, problem: null });
  useEffect(() => watch(log), []);
  return log.value;
}

function watch(log) {
  let isWanted = true;
  let stop = () => {};
  let timer;
  const later = (after) => (timer = setTimeout(begin, PAUSE, after));

  async function begin(after) {
    try {
      const variables = { after: after ?? (await ask("instructionCursor")).data.instructionEventsCursor };
      if (!isWanted) return;
      if (!after) log.value = { isReady: true, epoch: log.value.epoch + 1, changed: {}, problem: null };
      stop = follow("instructionEvents", variables, (data) => take(data, variables), (problem) => end(problem, variables));
    } catch (problem) {
      if (!isWanted) return;
      log.value = { ...log.value, problem };
      later(after);
    }
  }

  function take({ instructionEvents: { cursor, instruction } }, variables) {
    // A connection that is lost and made again continues here.
    variables.after = cursor;
    if (!instruction) return;
    log.value = { ...log.value, changed: { ...log.value.changed, [instruction.id]: instruction } };
  }

  function end(problem, variables) {
    if (!isWanted) return;
    // Too slow: nothing is lost behind the error's cursor. Too old a cursor: the list has to be read again.
    if (problem.code === "STREAM_BEHIND") begin(problem.cursor);
    else if (problem.code === "STREAM_RESET") begin();
    else later(variables.after);
  }

  begin();
  return () => {
    isWanted = false;
    clearTimeout(timer);
    stop();
  };
}

/** The list with the newer states of the log, and with new instructions of the log in front if `isWelcome` says so. */
export function merged(list, changed, isWelcome) {
  const known = new Set(list.map((one) => one.id));
  const fresh = Object.values(changed).filter((one) => !known.has(one.id) && isWelcome(one));
  fresh.sort((one, other) => other.createdAt.localeCompare(one.createdAt));
  return [...fresh, ...list.map((one) => newer(one, changed[one.id]))];
}

/** Events are only ever added, so that more of them are newer. */
function newer(one, other) {
  return other && other.events.length > one.events.length ? other : one;
}
