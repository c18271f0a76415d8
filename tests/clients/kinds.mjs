// Every kind of credential that the JavaScript client can carry. What it is told stands in JSON
// on standard input; what it lists with each kind is printed as JSON.
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { Ollama } from "ollama";

const world = JSON.parse(readFileSync(0, "utf8"));
const { plain, key, token, user, password } = world;
const secret = createPrivateKey(readFileSync("ollama.pem"));
const raw = createPublicKey(secret).export({ type: "spki", format: "der" }).subarray(-32);
const head = Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x20", "latin1");
const blob = Buffer.concat([head, raw]).toString("base64");

// As Ollama's own command does where OLLAMA_AUTH=1 is set.
const signed = (url, options = {}) => {
  const target = new URL(url);
  target.searchParams.set("ts", String(Math.floor(Date.now() / 1000)));
  const text = `${options.method ?? "GET"},${target.pathname}${target.search}`;
  const signature = sign(null, Buffer.from(text), secret).toString("base64");
  const headers = { ...options.headers, Authorization: `${blob}:${signature}` };
  return fetch(target, { ...options, headers });
};
const list = async (options) =>
  (await new Ollama({ host: plain, ...options }).list()).models.map((model) => model.name);
const authorized = (Authorization) => ({ headers: { Authorization } });
const basic = Buffer.from(`${user}:${password}`).toString("base64");

const found = {
  key: await list(authorized(`Bearer ${key}`)),
  "x-api-key": await list({ headers: { "x-api-key": key } }),
  "key in the path": await list({ host: `${plain}/k/${key}` }),
  password: await list(authorized(`Basic ${basic}`)),
  token: await list(authorized(`Bearer ${token}`)),
  "Ollama key": await list({ fetch: signed }),
};
console.log(JSON.stringify(found));
