// The Anthropic SDK for JavaScript, unchanged, through the gateway.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";

const { GATEWAY, KEY } = process.env;
const all = async (parts) => {
  const found = [];
  for await (const part of parts) found.push(part);
  return found;
};
const client = new Anthropic({ baseURL: GATEWAY, apiKey: KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "Hello" }];
const asked = { model: "llama3.2:3b", max_tokens: 50, messages };

const answer = await client.messages.create(asked);
assert(answer.content[0].text && answer.usage.output_tokens > 0);
const final = await client.messages.stream(asked).finalMessage();
assert.equal(final.content[0].text, answer.content[0].text);
assert((await client.beta.messages.create(asked)).content[0].text);
const names = (await all(client.models.list({ limit: 1000 }))).map(({ id }) => id);
assert.deepEqual(names.sort(), ["llama3.2:1b", "llama3.2:3b", "qwen3:8b"]);

await assert.rejects(
  client.messages.create({ ...asked, model: "llama3.3:70b" }),
  (error) => error instanceof Anthropic.PermissionDeniedError && /llama3.3:70b/.test(error.message),
);
console.log("ok");
