// What stands below the answer: its errors, told to screen readers too, and its call plan.

/** The number of errors and the first message; whether the answer has no data at all. */
export function verdictOf({ data, errors }) {
  if (!errors?.length) return { text: "The answer has no errors.", isFailure: false };
  const count = errors.length === 1 ? "1 error" : `${errors.length} errors`;
  const first = errors[0].path ? `${errors[0].path.join(".")}: ${errors[0].message}` : errors[0].message;
  return { text: `The answer has ${data ? "data and" : "no data, but"} ${count}. ${first}`, isFailure: !data };
}

/** Screen readers read a text that appears: at once without data, else in the next pause. */
export function Verdict({ answer, number }) {
  const { text, isFailure } = answer ? verdictOf(answer) : { text: "", isFailure: false };
  // Without the number of the answer, a second answer with an equal text would not be read.
  const told = <span key={number}>{text}</span>;
  return (
    <>
      <div className="bg-verdict" role="alert">
        {isFailure && told}
      </div>
      <div className={answer?.errors?.length ? "bg-verdict" : "bg-unseen"} role="status">
        {!isFailure && told}
      </div>
    </>
  );
}

/** The plan of the last answer: what was predicted, what was really asked, and how long it took. */
export function Plan({ answer }) {
  const { plan, cost } = answer?.extensions ?? {};
  if (!plan) return <p className="bg-plan-empty">Run an operation to see its call plan. A subscription has none.</p>;
  const { predicted, actual, milliseconds = {} } = plan;
  const systems = [...new Set([...Object.keys(predicted), ...Object.keys(actual)])].sort();
  return (
    <>
      <table>
        <caption>
          Call plan{cost && <>: cost {cost.requested}, {cost.remaining} of {cost.limit} left</>}
        </caption>
        <thead>
          <tr>
            <th scope="col">Upstream</th>
            <th scope="col">Calls predicted</th>
            <th scope="col">Calls</th>
            <th scope="col">Keys predicted</th>
            <th scope="col">Keys</th>
            <th scope="col">Milliseconds</th>
          </tr>
        </thead>
        <tbody>
          {systems.map((name) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{predicted[name]?.calls ?? 0}</td>
              <td>{actual[name]?.calls ?? 0}</td>
              <td>{predicted[name]?.keys ?? 0}</td>
              <td>{actual[name]?.keys ?? 0}</td>
              <td>{milliseconds[name] ?? "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {systems.length === 0 && <p className="bg-plan-empty">This answer needed no upstream.</p>}
    </>
  );
}
