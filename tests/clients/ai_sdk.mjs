// The AI SDK with its provider for OpenAI's API and with one for Ollama's, unchanged, through the
// gateway.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, generateText, jsonSchema, streamText, tool } from "ai";
import { createOllama } from "ollama-ai-provider-v2";

const { GATEWAY, KEY } = process.env;
const providers = [
  createOpenAICompatible({ name: "stockade", baseURL: `${GATEWAY}/v1`, apiKey: KEY }),
  createOllama({ baseURL: `${GATEWAY}/api`, headers: { Authorization: `Bearer ${KEY}` } }),
];
const weather = tool({
  description: "The weather",
  inputSchema: jsonSchema({ type: "object", properties: { place: { type: "string" } } }),
});
for (const provider of providers) {
  const asked = { model: provider("llama3.2:3b"), prompt: "Hello", maxRetries: 0 };
  const { text } = await generateText({ ...asked, tools: { weather } });
  assert(text);
  let streamed = "";
  for await (const part of streamText(asked).textStream) streamed += part;
  assert.equal(streamed, text);
  const model = provider.textEmbeddingModel("llama3.2:3b");
  assert((await embed({ model, value: "Hello", maxRetries: 0 })).embedding.length);
  await assert.rejects(
    generateText({ ...asked, model: provider("llama3.3:70b") }),
    (error) => error.statusCode === 403 && /llama3.3:70b/.test(error.responseBody),
  );
}
console.log("ok");
