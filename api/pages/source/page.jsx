import "./workers.js";
import "graphiql/style.css";
import "./page.css";
import { useGraphiQLActions } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useEffect, useMemo, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { examples } from "./examples.js";
import { createFetcher } from "./fetcher.js";
import { Header } from "./header.jsx";
import { rememberKey, rememberedKey } from "./key.js";

/** Reads the schema again when the key changes: another caller may be allowed to see it. */
function SchemaOf({ apiKey }) {
  const { introspect } = useGraphiQLActions();
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else introspect();
  }, [apiKey, introspect]);
  return null;
}

/** The caller's name, null when the key is not good, undefined until that is known. */
function useViewer(fetcher, apiKey) {
  const [viewer, setViewer] = useState();
  useEffect(() => {
    let current = true;
    setViewer(undefined);
    fetcher({ query: "{ viewer { name } }" })
      .then((answer) => answer.data?.viewer?.name ?? null, () => null)
      .then((name) => current && setViewer(name));
    return () => {
      current = false;
    };
  }, [fetcher, apiKey]);
  return viewer;
}

function forgetTabs() {
  for (const name of Object.keys(localStorage)) {
    if (/^graphiql:(tabState|query|variables|operationName)$/.test(name)) localStorage.removeItem(name);
  }
}

function Page({ demoKey }) {
  const [apiKey, setApiKey] = useState(() => rememberedKey(demoKey));
  const [round, setRound] = useState(0);
  const current = useRef(apiKey);
  const fetcher = useMemo(() => createFetcher(() => current.current), []);
  const tabs = useMemo(() => examples(crypto.getRandomValues(new Uint32Array(1))[0].toString(36)), [round]);
  const viewer = useViewer(fetcher, apiKey);
  const changeKey = (key) => {
    current.current = key;
    rememberKey(key);
    setApiKey(key);
  };
  const restore = () => {
    forgetTabs();
    setRound(round + 1);
  };
  return (
    <>
      <Header apiKey={apiKey} onKey={changeKey} isDemo={demoKey !== ""} viewer={viewer} onExamples={restore} />
      <GraphiQL
        key={round}
        fetcher={fetcher}
        defaultTabs={tabs}
        defaultEditorToolsVisibility="variables"
        isHeadersEditorEnabled={false}
        showPersistHeadersSettings={false}
        schemaDescription
        inputValueDeprecation
      >
        <GraphiQL.Logo>{" "}</GraphiQL.Logo>
        <SchemaOf apiKey={apiKey} />
      </GraphiQL>
    </>
  );
}

const root = document.getElementById("graphiql");
createRoot(root).render(<Page demoKey={root.dataset.demoKey ?? ""} />);
