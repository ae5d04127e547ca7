// What test_streaming_clients.py puts before an example of docs/subscriptions.md: the names that the example leaves open,
// and the three streams of states. Prints each answer as a line of JSON. A line of standard input is a new key.
import { createInterface } from "node:readline";

const { states, first } = JSON.parse(process.env.ASKED);
let key = first;
createInterface({ input: process.stdin }).on("line", (line) => (key = line));
const currentKey = () => key;
const print = (stream, value) => process.stdout.write(`${JSON.stringify([stream, value])}\n`);
const show = (value) => print("instructionEvents", value);

queueMicrotask(() => {
  for (const [stream, query, variables] of states) {
    follow(query, variables, (data) => {
      print(stream, data[stream]);
      return data[stream].status !== "CONFIRMED";
    });
  }
});
