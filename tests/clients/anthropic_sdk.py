"""The Anthropic SDK, unchanged, through the gateway."""

import os

import anthropic


def client(key):
    return anthropic.Anthropic(base_url=os.environ["GATEWAY"], api_key=key, max_retries=0)


alice = client(os.environ["ALICE"])
hello = [{"role": "user", "content": "Hello"}]

answer = alice.messages.create(model="llama3.2:3b", max_tokens=50, messages=hello)
assert answer.content[0].text and answer.usage.output_tokens > 0

with alice.messages.stream(model="llama3.2:3b", max_tokens=50, messages=hello) as stream:
    assert "".join(stream.text_stream)
    assert stream.get_final_message().usage.output_tokens > 0

beta = alice.beta.messages.create(model="llama3.2:3b", max_tokens=50, messages=hello)
assert beta.content[0].text
assert "llama3.2:3b" in [model.id for model in alice.models.list()]

try:
    alice.messages.create(model="llama3.3:70b", max_tokens=50, messages=hello)
    raise AssertionError("not refused")
except anthropic.PermissionDeniedError as error:
    assert "llama3.3:70b" in error.message, error.message
try:
    client("sk-local-wrong").messages.create(model="llama3.2:3b", max_tokens=5, messages=hello)
    raise AssertionError("not refused")
except anthropic.AuthenticationError:
    pass
print("ok")
