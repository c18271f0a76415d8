"""The official Python client of Ollama with nothing but the address where Ollama would stand."""

import ollama

hello = [{"role": "user", "content": "Hello"}]
assert ollama.chat(model="llama3.2:3b", messages=hello).message.content
assert len(list(ollama.generate(model="llama3.2:3b", prompt="Hello", stream=True))) > 1
names = sorted(model.model for model in ollama.list().models)
assert names == ["llama3.2:1b", "llama3.2:3b", "qwen3:8b"], names
try:
    ollama.chat(model="llama3.3:70b", messages=hello)
except ollama.ResponseError as error:
    assert error.status_code == 403, error
else:
    raise AssertionError("not refused")
print("ok")
