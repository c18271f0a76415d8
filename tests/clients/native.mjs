// The official JavaScript client of Ollama, unchanged, through the gateway.
import assert from "node:assert/strict";
import { Ollama } from "ollama";

const client = (user) =>
  new Ollama({
    host: process.env.GATEWAY,
    headers: { Authorization: `Bearer ${process.env[user]}` },
  });
const alice = client("ALICE");
const bob = client("BOB");
const messages = [{ role: "user", content: "Hello" }];
const refused = (status, call) =>
  assert.rejects(call, (error) => error.status_code === status || assert.fail(error));

assert((await alice.chat({ model: "llama3.2:3b", messages })).message.content);
let parts = 0;
for await (const part of await alice.chat({ model: "llama3.2:3b", messages, stream: true })) {
  parts += part.message.content ? 1 : 0;
}
assert(parts > 1);
assert((await alice.generate({ model: "llama3.2:3b", prompt: "Hello" })).response);
assert((await alice.embed({ model: "llama3.2:3b", input: "Hello" })).embeddings.length);
const names = (await alice.list()).models.map((model) => model.name).sort();
assert.deepEqual(names, ["llama3.2:1b", "llama3.2:3b", "qwen3:8b"]);
assert((await alice.show({ model: "llama3.2:3b" })).details);
await alice.ps();

await refused(403, () => alice.chat({ model: "llama3.3:70b", messages }));
await refused(403, () => alice.pull({ model: "gemma3:4b" }));
await refused(403, () => alice.delete({ model: "llama3.2:3b" }));
await refused(401, () => new Ollama({ host: process.env.GATEWAY }).list());

let last;
for await (const progress of await bob.pull({ model: "gemma3:4b", stream: true })) {
  last = progress.status;
}
assert.equal(last, "success");

await bob.create({ model: "mine", from: "llama3.2:3b", system: "Be brief." });
let steps = 0;
for await (const step of await bob.create({ model: "mine:two", from: "mine", stream: true })) {
  steps += step.status ? 1 : 0;
}
assert(steps > 0);
await bob.copy({ source: "llama3.2:3b", destination: "mine:copy" });
await bob.delete({ model: "mine:copy" });
await refused(403, () => bob.copy({ source: "llama3.3:70b", destination: "mine:large" }));
await refused(403, () => bob.push({ model: "mine" }));

const streamed = [];
for await (const part of await alice.generate({
  model: "llama3.2:3b",
  prompt: "Hello",
  stream: true,
})) {
  streamed.push(part);
}
assert(streamed.length > 1 && streamed.at(-1).done && streamed.at(-1).eval_count > 0);
console.log("ok");
