import "./workers.js";
import "graphiql/style.css";
import "./page.css";
import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useEffect, useMemo, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { examples } from "./examples.js";
import { askWith, createFetcher } from "./fetcher.js";
import { Header } from "./header.jsx";
import { rememberKey, rememberPlan, rememberedKey, rememberedPlan } from "./key.js";
import { Plan, Verdict } from "./plan.jsx";
import { Shortcut } from "./shortcut.jsx";

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
function useViewer(apiKey) {
  const [viewer, setViewer] = useState();
  useEffect(() => {
    let current = true;
    setViewer(undefined);
    askWith(apiKey, "{ viewer { name } }")
      .then((answer) => answer.data?.viewer?.name ?? null, () => null)
      .then((name) => current && setViewer(name));
    return () => {
      current = false;
    };
  }, [apiKey]);
  return viewer;
}

function forgetTabs() {
  for (const name of Object.keys(localStorage)) {
    if (/^graphiql:(tabState|query|variables|operationName)$/.test(name)) localStorage.removeItem(name);
  }
}

/** Shows the first of the new examples: the editors keep their texts when GraphiQL is made anew. */
function FirstTab({ query, variables = "" }) {
  const { queryEditor, variableEditor } = useGraphiQL(pick("queryEditor", "variableEditor"));
  useEffect(() => queryEditor?.setValue(query), [queryEditor]);
  useEffect(() => variableEditor?.setValue(variables), [variableEditor]);
  return null;
}

// As in page.css: the variables are folded away, because the answer needs the place.
const isPhone = () => matchMedia("(width < 700px)").matches;
const newUnique = () => crypto.getRandomValues(new Uint32Array(1))[0].toString(36);

function Page({ demoKey }) {
  const [apiKey, setApiKey] = useState(() => rememberedKey(demoKey));
  const [plans, setPlans] = useState(rememberedPlan);
  const [last, setLast] = useState({ answer: null, number: 0 });
  const [round, setRound] = useState(0);
  const current = useRef({ key: apiKey, plans });
  const fetcher = useMemo(
    () =>
      createFetcher({
        currentKey: () => current.current.key,
        explains: () => current.current.plans,
        onAnswer: (answer) => setLast(({ number }) => ({ answer, number: number + 1 })),
      }),
    [],
  );
  const tabs = useMemo(() => examples(current.current.key, newUnique()), [round]);
  const viewer = useViewer(apiKey);
  const changeKey = (key) => {
    current.current.key = key;
    rememberKey(key);
    setApiKey(key);
  };
  const changePlans = (wanted) => {
    current.current.plans = wanted;
    rememberPlan(wanted);
    setPlans(wanted);
  };
  const restore = () => {
    forgetTabs();
    setLast({ answer: null, number: 0 });
    setRound(round + 1);
  };
  const chooseDemoKey = (key) => {
    changeKey(key);
    restore();
  };
  return (
    <>
      <Header
        apiKey={apiKey}
        onKey={changeKey}
        isDemo={demoKey !== ""}
        onDemoKey={chooseDemoKey}
        viewer={viewer}
        onExamples={restore}
        plans={plans}
        onPlans={changePlans}
      />
      <main>
        <GraphiQL
          key={round}
          fetcher={fetcher}
          defaultTabs={tabs}
          defaultEditorToolsVisibility={isPhone() ? false : "variables"}
          isHeadersEditorEnabled={false}
          showPersistHeadersSettings={false}
          schemaDescription
          inputValueDeprecation
        >
          <GraphiQL.Logo>{" "}</GraphiQL.Logo>
          <GraphiQL.Footer>
            <Verdict {...last} />
            {plans && (
              <section className="bg-plan" aria-label="Call plan" tabIndex={0}>
                <Plan answer={last.answer} />
              </section>
            )}
          </GraphiQL.Footer>
          <SchemaOf apiKey={apiKey} />
          <Shortcut />
          {round > 0 && <FirstTab {...tabs[0]} />}
        </GraphiQL>
      </main>
    </>
  );
}

const root = document.getElementById("graphiql");
createRoot(root).render(<Page demoKey={root.dataset.demoKey ?? ""} />);
