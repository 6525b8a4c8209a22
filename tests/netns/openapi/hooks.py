"""What schemathesis is told beyond the document: which devices, sessions and codes there are, and what would take too long.

TURNPIKE_KNOWN is a JSON object: lists of `devices`, `sessions` and `codes`, and the id of the `token` that is used.
"""

import json
import os

import schemathesis

KNOWN = json.loads(os.environ["TURNPIKE_KNOWN"])

# How many calls there were.
COUNT = [0]

# The part of the path, by the beginning of the path: what is put there instead of nonsense.
PARTS = [
    ("/api/v1/devices/{dev}", "dev", KNOWN["devices"]),
    ("/api/v1/sessions/{id}", "id", KNOWN["sessions"]),
    ("/api/v1/vouchers/{code}", "code", KNOWN["codes"]),
]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Three of four calls are about something that there is: nonsense is all answered alike."""
    for beginning, name, known in PARTS:
        value = (path_parameters or {}).get(name)
        if context.operation.path.startswith(beginning) and isinstance(value, str):
            choice = sum(value.encode("utf-8", "replace"))
            if choice % 4:
                path_parameters[name] = known[choice % len(known)]
    return path_parameters


@schemathesis.hook
def filter_query(context, query):
    """An empty parameter is an absent one: it violates no schema."""
    return all(value not in ("", [], {}) for value in (query or {}).values())


@schemathesis.hook
def map_body(context, body):
    """Redeems and locks for a device that there is, and neither prints a hundred thousand codes nor waits for an hour."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("device"), str) and len(body["device"]) % 4:
        body["device"] = KNOWN["devices"][len(body["device"]) % len(KNOWN["devices"])]
    count, wait = body.get("count"), body.get("wait_secs")
    if context.operation.path == "/api/v1/vouchers" and isinstance(count, int) and 20 < count <= 100_000:
        body["count"] = count % 20 + 1
    if isinstance(wait, (int, float)) and 0 < wait <= 3600:
        body["wait_secs"] = wait / 36_000
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    """Nobody saws off the branch that they sit on: the token of this run is not revoked, its devices stay."""
    map_body(context_of(case), case.body)
    headers = case.headers or {}
    COUNT[0] += 1
    # A key of its own for most requests: one that was used before says no more than that. And tags that match.
    key = str(headers.get("Idempotency-Key", ""))
    if COUNT[0] % 4 and 0 < len(key) < 200 and all("!" < character <= "~" for character in key):
        headers["Idempotency-Key"] = f"{key}-{COUNT[0]}"
    if COUNT[0] % 4 and "If-Match" in headers:
        headers["If-Match"] = "*"
    path, parts = case.operation.path, case.path_parameters or {}
    if path == "/api/v1/tokens/{id}" and str(parts.get("id")).strip() == KNOWN["token"]:
        parts["id"] = "0"


def context_of(case):
    """A hook's context, as far as it is used here."""
    return type("Context", (), {"operation": case.operation})
