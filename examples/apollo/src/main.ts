import { connect } from "./client.ts";
import { countClients, payAndFollow, prepare } from "./story.ts";

declare const process: { env: Record<string, string | undefined> };
const { BROKERGRAPH_URL: url = "http://127.0.0.1:8000/graphql", BROKERGRAPH_KEY: key = "demo-operator" } = process.env;
const { client, close } = connect(url, () => key);

console.log(`${await countClients(client, 50)} clients`);
const payment = await prepare(client, { server: "R1", login: "61436", amount: "25.50", currency: "USD" });
const outcome = await payAndFollow(client, payment, (status) => console.log(status));
if (outcome !== "CONFIRMED") throw new Error(`The deposit was not made: ${outcome}`);
// The same payment once more, as after a crash: nothing is booked, and the same events come.
await payAndFollow(client, payment, (status) => console.log(`again ${status}`));
close();
