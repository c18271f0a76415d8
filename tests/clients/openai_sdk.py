"""The OpenAI SDK, unchanged, through the gateway."""

import os

import openai


def client(key):
    return openai.OpenAI(base_url=os.environ["GATEWAY"] + "/v1", api_key=key, max_retries=0)


alice = client(os.environ["ALICE"])
hello = [{"role": "user", "content": "Hello"}]

answer = alice.chat.completions.create(model="llama3.2:3b", messages=hello)
assert answer.choices[0].message.content and answer.usage.total_tokens > 0

chunks = list(alice.chat.completions.create(model="llama3.2:3b", messages=hello, stream=True))
assert len(chunks) > 1
# The gateway asks for the usage to count it, and hides what the caller did not ask for.
assert all(chunk.choices and chunk.usage is None for chunk in chunks), chunks

wanted = {"include_usage": True}
chunks = list(
    alice.chat.completions.create(
        model="llama3.2:3b", messages=hello, stream=True, stream_options=wanted
    )
)
assert chunks[-1].usage.total_tokens > 0 and not chunks[-1].choices

assert alice.completions.create(model="llama3.2:3b", prompt="Hello").choices[0].text
assert alice.embeddings.create(model="llama3.2:3b", input="Hello").data[0].embedding
assert alice.responses.create(model="llama3.2:3b", input="Hello").output_text
assert "llama3.3:70b" not in [model.id for model in alice.models.list()]
assert alice.models.retrieve("llama3.2:3b").id

events = list(alice.responses.create(model="llama3.2:3b", input="Hello", stream=True))
assert events[-1].type == "response.completed", events[-1]
assert events[-1].response.usage.total_tokens > 0
chunks = list(alice.completions.create(model="llama3.2:3b", prompt="Hello", stream=True))
assert "".join(chunk.choices[0].text for chunk in chunks)
assert all(chunk.usage is None for chunk in chunks), chunks
text = alice.audio.transcriptions.create(model="llama3.2:3b", file=("a.wav", b"RIFF" + bytes(9)))
assert "simulated" in text.text, text
try:
    alice.audio.transcriptions.create(model="llama3.3:70b", file=("a.wav", b"RIFF"))
    raise AssertionError("not refused")
except openai.PermissionDeniedError:
    pass

try:
    alice.chat.completions.create(model="llama3.3:70b", messages=hello)
    raise AssertionError("not refused")
except openai.PermissionDeniedError as error:
    assert "llama3.3:70b" in error.message, error.message
try:
    client("sk-local-wrong").models.list()
    raise AssertionError("not refused")
except openai.AuthenticationError:
    pass
print("ok")
