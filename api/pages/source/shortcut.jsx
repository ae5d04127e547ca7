// Ctrl-Enter runs the operation wherever the keyboard is, and also before the editor has been loaded.

import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef } from "react";

export function Shortcut() {
  const { run } = useGraphiQLActions();
  const editors = useGraphiQL(pick("queryEditor", "variableEditor", "responseEditor"));
  // Without the editor of the variables, GraphiQL would send none.
  const isReady = Object.values(editors).every(Boolean);
  const isWanted = useRef(false);
  useEffect(() => {
    const press = (event) => {
      // An editor runs the operation at its cursor itself. It has then stopped the event.
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
      event.preventDefault();
      if (isReady) run();
      else isWanted.current = true;
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [isReady, run]);
  useEffect(() => {
    if (!isReady || !isWanted.current) return;
    isWanted.current = false;
    run();
  }, [isReady, run]);
  return null;
}
