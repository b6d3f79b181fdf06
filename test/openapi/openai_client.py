"""Talks to a gateway with the official Python SDK of OpenAI, and prints what it got as JSON."""

import json
import os

from openai import APIError, AuthenticationError, BadRequestError, NotFoundError, OpenAI, RateLimitError

client = OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["TOKEN"], max_retries=0)
found = {}


def ask(text, **more):
    return client.chat.completions.create(model="a1", messages=[{"role": "user", "content": text}], **more)


def error_of(kind, act):
    try:
        act()
    except kind as error:
        return {"code": error.code, "param": error.param}
    return None


found["models"] = [model.id for model in client.models.list()]

whole = ask("think:why tool:5 echo:done")
message = whole.choices[0].message
found["whole"] = [message.content, message.reasoning_content, message.tool_calls, whole.choices[0].finish_reason]
found["whole_tokens"] = whole.usage.total_tokens

stream = ask("tool:5 every:10 stream:3", stream=True, stream_options={"include_usage": True})
chunks = list(stream)
found["streamed"] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
found["streamed_tokens"] = chunks[-1].usage.total_tokens
found["progress"] = [chunk.x_opencode["kind"] for chunk in chunks if "kind" in (getattr(chunk, "x_opencode", None) or {})]

with client.chat.completions.stream(model="a1", messages=[{"role": "user", "content": "stream:2"}]) as helper:
    found["helper"] = helper.get_final_completion().choices[0].message.content

named = {"X-Session-Id": "mine"}
ids = [client.chat.completions.with_raw_response.create(
    model="a1", messages=[{"role": "user", "content": "echo:hi"}], extra_headers=named
).headers["x-session-id"] for _ in range(2)]
found["same_session"] = len(set(ids)) == 1

found["unauthorized"] = error_of(
    AuthenticationError, lambda: OpenAI(base_url=os.environ["BASE_URL"], api_key="wrong", max_retries=0).models.list()
)
found["not_found"] = error_of(
    NotFoundError,
    lambda: client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}]),
)
found["bad"] = error_of(BadRequestError, lambda: ask("hi", n=2))
found["limited"] = error_of(RateLimitError, lambda: ask("fail:429"))
found["cut"] = error_of(APIError, lambda: list(ask("every:30 stream:3 fail:401", stream=True)))

left = ask("every:10 stream:3 hang", stream=True)
next(chunk for chunk in left if chunk.choices[0].delta.content)
left.close()

print(json.dumps(found))
