// The OpenAI SDK for JavaScript, unchanged, through the gateway.
import assert from "node:assert/strict";
import OpenAI from "openai";

const { GATEWAY, KEY } = process.env;
const all = async (parts) => {
  const found = [];
  for await (const part of parts) found.push(part);
  return found;
};
const client = new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: KEY, maxRetries: 0 });
const model = "llama3.2:3b";
const messages = [{ role: "user", content: "Hello" }];
const chat = (more) => client.chat.completions.create({ model, messages, ...more });

const answer = await chat();
assert(answer.choices[0].message.content && answer.usage.total_tokens > 0);
let text = "";
for await (const part of await chat({ stream: true })) text += part.choices[0].delta.content ?? "";
assert.equal(text, answer.choices[0].message.content);
const usage = { stream_options: { include_usage: true } };
const parts = await all(await chat({ stream: true, ...usage }));
assert(parts.at(-1).usage.total_tokens > 0);

assert((await client.responses.create({ model, input: "Hello" })).output_text);
const events = await all(
  await client.responses.create({ model, input: "Hello", stream: true }),
);
assert.equal(events.at(-1).type, "response.completed");
// It asks for base64 unless it is told otherwise, and decodes that.
const embed = async (more) =>
  (await client.embeddings.create({ model, input: "Hello", ...more })).data[0].embedding;
const numbers = await embed({ encoding_format: "float" });
const decoded = await embed();
assert.deepEqual(decoded.map(Math.fround), numbers.map(Math.fround));
const names = (await all(client.models.list())).map(({ id }) => id).sort();
assert.deepEqual(names, ["llama3.2:1b", "llama3.2:3b", "qwen3:8b"]);

await assert.rejects(
  client.chat.completions.create({ model: "llama3.3:70b", messages }),
  (error) => error instanceof OpenAI.PermissionDeniedError && /llama3.3:70b/.test(error.message),
);
console.log("ok");
