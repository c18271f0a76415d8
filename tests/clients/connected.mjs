// The official JavaScript client of Ollama with nothing but an address: it reads no OLLAMA_HOST.
import assert from "node:assert/strict";
import { Ollama } from "ollama";

const ollama = new Ollama({ host: process.env.OLLAMA_HOST });
const messages = [{ role: "user", content: "Hello" }];
assert((await ollama.chat({ model: "llama3.2:3b", messages })).message.content);
let parts = 0;
for await (const part of await ollama.chat({ model: "llama3.2:3b", messages, stream: true })) {
  parts += part.message.content ? 1 : 0;
}
assert(parts > 1);
assert.equal((await ollama.list()).models.length, 3);
await assert.rejects(
  () => ollama.chat({ model: "llama3.3:70b", messages }),
  (error) => error.status_code === 403,
);
console.log("ok");
