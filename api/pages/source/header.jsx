import { useEffect, useState } from "react";
import { DEMO_KEYS } from "./examples.js";

const GRAPH = "M12 3.5 20 8v8l-8 4.5L4 16V8z M12 3.5 20 16H4z";

function Mark() {
  return (
    <svg className="bg-mark" viewBox="0 0 24 24" aria-hidden="true">
      <path d={GRAPH} />
      {[[12, 3.5], [20, 8], [20, 16], [12, 20.5], [4, 16], [4, 8]].map(([x, y]) => (
        <circle key={`${x},${y}`} cx={x} cy={y} r="2" />
      ))}
    </svg>
  );
}

/** The key's field. What is typed counts when it is sent with Enter or left. */
function KeyField({ apiKey, onKey, shown }) {
  const [typed, setTyped] = useState(apiKey);
  useEffect(() => setTyped(apiKey), [apiKey]);
  const send = (event) => {
    event.preventDefault();
    if (typed.trim() !== apiKey) onKey(typed.trim());
  };
  return (
    <form className="bg-key" onSubmit={send} onBlur={send}>
      <label htmlFor="api-key">API key</label>
      <input
        id="api-key"
        type={shown ? "text" : "password"}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        placeholder="paste your key"
        autoComplete="off"
        spellCheck="false"
        maxLength={512}
      />
    </form>
  );
}

function Standing({ apiKey, viewer }) {
  const [state, text] = standingOf(apiKey, viewer);
  return (
    <output className={`bg-standing bg-${state}`} title="Who the graph takes you for">
      {text}
    </output>
  );
}

function standingOf(apiKey, viewer) {
  if (apiKey === "") return ["waiting", "no key"];
  if (viewer === undefined) return ["waiting", "asking…"];
  return viewer ? ["known", viewer] : ["unknown", "key not accepted"];
}

/** Chooses one of the demo's keys, and opens the examples of what it may do. */
function DemoKeys({ apiKey, onDemoKey }) {
  return (
    <select
      className="bg-keys"
      aria-label="Examples for a demo key"
      value={DEMO_KEYS.includes(apiKey) ? apiKey : ""}
      onChange={(event) => onDemoKey(event.target.value)}
    >
      <option value="" disabled>
        demo keys
      </option>
      {DEMO_KEYS.map((key) => (
        <option key={key}>{key}</option>
      ))}
    </select>
  );
}

export function Header({ apiKey, onKey, isDemo, onDemoKey, viewer, onExamples, plans, onPlans }) {
  return (
    <header className="bg-header">
      <h1 className="bg-name">
        <a href="/graphql">
          <Mark />
          brokergraph
        </a>
      </h1>
      <span className="bg-line">One GraphQL graph for a brokerage{isDemo && <em>demo</em>}</span>
      <nav aria-label="Page">
        <label className="bg-switch" title="Ask for the call plan of each answer (extensions.explain)">
          <input type="checkbox" role="switch" checked={plans} onChange={(event) => onPlans(event.target.checked)} />
          Call plan
        </label>
        <button type="button" onClick={onExamples} title="Close all tabs and open the examples again">
          Examples
        </button>
        <a href="/schema.graphql" target="_blank" rel="noreferrer">
          Schema
        </a>
      </nav>
      {isDemo && <DemoKeys apiKey={apiKey} onDemoKey={onDemoKey} />}
      <KeyField apiKey={apiKey} onKey={onKey} shown={isDemo} />
      <Standing apiKey={apiKey} viewer={viewer} />
    </header>
  );
}
