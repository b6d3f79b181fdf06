"""Points the requests of schemathesis at resources that exist, and keeps them off programs and folders of the host."""

import json
import os

import schemathesis

KNOWN = json.loads(os.environ["KNOWN_RESOURCES"])

KINDS = ("agents", "turns", "sessions", "requests")

# Operations that would remove what the other operations need.
REMOVING = {"deleteAgent", "deleteSession"}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Changes a request. A request that the gateway must refuse keeps what is wrong with it."""
    disarm(case)
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return
    number = sum(map(ord, repr((case.path_parameters, case.query, case.body))))
    choose_media_type(case, number)
    if KNOWN["isRemoving"]:
        point_at_known(case, number)
    elif operation_id(case) in REMOVING:
        spare_known(case)
    else:
        point_at_known(case, number)
        fill_in(case, number)


def operation_id(case):
    return case.operation.definition.raw.get("operationId")


def kind_of(case):
    if "/models/{id}" in case.operation.path:
        return "agents"
    return next((kind for kind in KINDS if f"/{kind}/{{id}}" in case.operation.path), None)


def choose_media_type(case, number):
    """Asks for each media type of the answer in turn."""
    answers = case.operation.definition.raw["responses"]
    types = list(answers.get("200", {}).get("content", {})) or ["*/*"]
    case.headers["Accept"] = types[number % len(types)]


def point_at_known(case, number):
    """Of three requests, two name a resource that exists."""
    kind = kind_of(case)
    if kind and KNOWN[kind] and number % 3 != 0:
        case.path_parameters["id"] = KNOWN[kind][number % len(KNOWN[kind])]
    if "agent" in (case.query or {}):
        case.query["agent"] = KNOWN["agents"][0]


def spare_known(case):
    if case.path_parameters["id"] in KNOWN[kind_of(case)]:
        case.path_parameters["id"] = "ses_none"


def fill_in(case, number):
    """Puts in values that cannot be guessed: a valid token, and an answer that fits the question."""
    if operation_id(case) == "login" and number % 2 == 0:
        case.body = {"token": KNOWN["token"]}
    if operation_id(case) == "createChatCompletion" and number % 2 == 0:
        case.body = {"model": KNOWN["agents"][0], "messages": [{"role": "user", "content": "Hello"}], "stream": number % 4 == 0}
    if operation_id(case) == "answerRequest" and number % 2 == 0:
        case.body = {"answers": [["A"]]}


def disarm(case):
    """Takes programs, folders and users of the host out of the spec of an agent, and time limits, where their values are
    valid: an agent whose server has 1 ms to start answers 503, as it should."""
    if not isinstance(case.body, dict) or "/agents" not in case.operation.path:
        return
    specs = case.body.get("agents", [case.body])
    for spec in specs if isinstance(specs, list) else []:
        for name in ("binary", "directory", "uid", "gid", "start_timeout_ms", "probe_timeout_ms", "request_timeout_ms"):
            if isinstance(spec, dict) and is_armed(spec.get(name)):
                del spec[name]


def is_armed(value):
    if isinstance(value, str):
        return value != ""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
