// The live figures of accounts. They come after the page, for each trading server by itself, so that a vendor that hangs
// keeps only its own cells waiting. A server that fails is asked again until it answers.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask, follow } from "./graph.js";

const PAUSES = [1, 2, 4, 8, 15];
const LATE_AFTER = 1500;

/**
 * A signal: account id -> { live, state }. The state is "late" while a server takes its time, "live", or "silent" with the
 * code of the failure. An account without an entry has just been asked for.
 */
export function useLiveFigures(accounts) {
  const figures = useSignal({});
  const watched = accounts.filter((one) => one.server.hasLiveFigures);
  useEffect(() => {
    if (!watched.length) return;
    const put = (changes) => (figures.value = { ...figures.value, ...changes });
    const stops = [...byServer(watched).values()].map((ids) => fill(ids, put));
    stops.push(stream(watched.map((one) => one.id), put));
    return () => stops.forEach((stop) => stop());
  }, [watched.map((one) => one.id).join()]);
  return figures;
}

function byServer(accounts) {
  const servers = new Map();
  for (const { id, server } of accounts) servers.set(server.name, [...(servers.get(server.name) ?? []), id]);
  return servers;
}

/** Ask for the accounts of one server until there is an answer. Returns the function that stops it. */
function fill(ids, put) {
  let isWanted = true;
  let timer;
  const all = (entry) => Object.fromEntries(ids.map((id) => [id, entry]));

  async function attempt(failures) {
    const late = setTimeout(() => failures === 0 && put(all({ live: null, state: "late" })), LATE_AFTER);
    const { found, code } = await read(ids);
    clearTimeout(late);
    if (!isWanted) return;
    put(found);
    if (code) timer = setTimeout(attempt, PAUSES[Math.min(failures, PAUSES.length - 1)] * 1000, failures + 1);
  }

  attempt(0);
  return () => {
    isWanted = false;
    clearTimeout(timer);
  };
}

/** One answer: an entry for each account, and the code of the first failure. */
async function read(ids) {
  try {
    const { data, errors } = await ask("liveFigures", { ids });
    const failed = new Map(errors.map((one) => [one.path[1], one.code]));
    const found = ids.map((id, index) => [id, entryOf(data.nodes[index]?.live, failed.get(index))]);
    return { found: Object.fromEntries(found), code: errors[0]?.code };
  } catch (problem) {
    const silent = ids.map((id) => [id, entryOf(null, problem.code)]);
    return { found: Object.fromEntries(silent), code: problem.code };
  }
}

function entryOf(live, code) {
  return code ? { live: null, state: "silent", code } : { live: live ?? null, state: "live" };
}

/** The changes after the first figures. */
function stream(ids, put) {
  return follow("accountsChanged", { ids }, ({ tradingAccountsChanged: { account } }, errors) => {
    put({ [account.id]: entryOf(account.live, errors[0]?.code) });
  });
}
