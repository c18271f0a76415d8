"""The official Python client of Ollama, unchanged, through the gateway."""

import os
import tempfile

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


def ollama_models():
    """All that Ollama has, asked of itself."""
    return ollama.Client(host=os.environ["OLLAMA"]).list().models


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
# From a file of one's own, whose content is uploaded by its digest.
with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
    file.write(b"GGUF" + bytes(100_000))
    file.flush()
    digest = bob.create_blob(file.name)
progress = list(bob.create(model="mine", files={"mine.gguf": digest}, stream=True))
assert progress[-1].status == "success", progress
assert bob.create(model="mine:small", from_="llama3.2:3b", system="Be brief.").status == "success"
bob.copy("llama3.2:3b", "mine:copy")
assert "mine:copy" in [model.model for model in ollama_models()], "the copy is there"
bob.delete("mine:copy")
assert "mine:copy" not in [model.model for model in ollama_models()]
refused(403, lambda: bob.copy("llama3.2:3b", "theirs"))
refused(403, lambda: bob.create(model="theirs", from_="llama3.2:3b"))
refused(403, lambda: bob.create(model="mine", from_="llama3.3:70b"))
refused(403, lambda: list(bob.push("mine", stream=True)))
print("ok")
