"""The official Python client of Ollama, unchanged, through the gateway."""

import os

import ollama

gateway = os.environ["GATEWAY"]


def client(user):
    return ollama.Client(host=gateway, headers={"Authorization": "Bearer " + os.environ[user]})


def refused(status, call):
    try:
        call()
    except ollama.ResponseError as error:
        assert error.status_code == status, (status, error.status_code, error.error)
        return error.error
    raise AssertionError("not refused")


alice, bob = client("ALICE"), client("BOB")
hello = [{"role": "user", "content": "Hello"}]

assert alice.chat(model="llama3.2:3b", messages=hello).message.content
parts = list(alice.chat(model="llama3.2:3b", messages=hello, stream=True))
assert len(parts) > 1 and parts[-1].done, parts
assert alice.generate(model="llama3.2:3b", prompt="Hello").response
assert len(list(alice.generate(model="qwen3:8b", prompt="Hello", stream=True))) > 1
assert alice.embed(model="llama3.2:3b", input=["one", "two"]).embeddings
names = sorted(model.model for model in alice.list().models)
assert names == ["llama3.2:1b", "llama3.2:3b", "qwen3:8b"], names
assert alice.show("llama3.2:3b").details
alice.ps()

reason = refused(403, lambda: alice.chat(model="llama3.3:70b", messages=hello))
assert "llama3.3:70b" in reason, reason
refused(403, lambda: list(alice.pull("gemma3:4b", stream=True)))
refused(403, lambda: alice.delete("llama3.2:3b"))
refused(403, lambda: alice.copy("llama3.2:3b", "mine"))
refused(403, lambda: bob.push("llama3.2:3b"))
refused(401, lambda: ollama.Client(host=gateway).list())

progress = list(bob.pull("gemma3:4b", stream=True))
assert progress[-1].status == "success", progress
print("ok")
