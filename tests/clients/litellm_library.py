"""LiteLLM as a library, unchanged, through the gateway: by each API that the gateway speaks."""

import os

gateway, key = os.environ["GATEWAY"], os.environ["KEY"]
# It looks models of Ollama up there, whatever a call says.
os.environ["OLLAMA_API_BASE"] = gateway
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402
import openai  # noqa: E402

litellm.suppress_debug_info = True
messages = [{"role": "user", "content": "Hello"}]
header = {"extra_headers": {"Authorization": f"Bearer {key}"}}
for provider, options in (
    ("openai", {"api_base": f"{gateway}/v1", "api_key": key}),
    ("anthropic", {"api_base": gateway, "api_key": key}),
    ("ollama_chat", header),
    ("ollama", header),
):

    def ask(model, **more):
        options_of_call = {**options, "num_retries": 0, **more}
        return litellm.completion(f"{provider}/{model}", messages, **options_of_call)

    answer = ask("llama3.2:3b").choices[0].message.content
    assert answer, provider
    parts = ask("llama3.2:3b", stream=True)
    assert "".join(part.choices[0].delta.content or "" for part in parts) == answer, provider
    try:
        ask("llama3.3:70b")
        raise AssertionError("not refused")
    except openai.OpenAIError as error:  # which all of its own are
        assert "llama3.3:70b" in str(error), (provider, error)

found = litellm.embedding(
    "openai/llama3.2:3b", ["a", "b"], api_base=f"{gateway}/v1", api_key=key, encoding_format="float"
)
assert len(found.data) == 2
print("ok")
