#!/usr/bin/env python3
"""Sells time for coins: one customer at a time has the slot, and whoever walks away loses it.

The acceptor is a file (a named pipe, a serial line) that says "coin" on a line for each coin. Written against the
protocol of docs/plugins.md with nothing but Python's standard library.

    [[plugin]]
    name = "coins"
    command = ["/usr/lib/turnpike/coin.py", "/run/acceptor"]
    permissions = ["register_handler", "acquire_lock:coinslot"]
    env = { SECS_PER_COIN = "300", CENTS_PER_COIN = "50" }
"""

import json
import os
import queue
import sys
import threading
import uuid

SLOT = "coinslot/" + os.environ.get("SLOT", "1")
SECS_PER_COIN = int(os.environ.get("SECS_PER_COIN", "300"))
CENTS_PER_COIN = int(os.environ.get("CENTS_PER_COIN", "50"))
WAIT_SECS = float(os.environ.get("WAIT_SECS", "60"))

inbox = queue.Queue()
answers = {}
last_id = 0
customer = None  # the id of the device that has the slot
coins = 0


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def call(method, **params):
    """Asks turnpike, and handles whatever comes in between later."""
    global last_id
    last_id += 1
    send({"id": last_id, "method": method, "params": params})
    later = []
    while True:
        message = inbox.get()
        if message is None:
            sys.exit(0)
        if message.get("id") == last_id and "method" not in message:
            for other in later:
                inbox.put(other)
            if "error" in message:
                raise RuntimeError(message["error"]["message"])
            return message["result"]
        later.append(message)


def read(stream):
    """Puts what turnpike says into the inbox; the end of its stream is the end of this program."""
    for line in stream:
        inbox.put(json.loads(line))
    inbox.put(None)


def read_coins(path):
    while True:
        with open(path) as acceptor:
            for line in acceptor:
                if line.strip() == "coin":
                    inbox.put({"coin": uuid.uuid4().hex})


def show():
    text = f"{coins} coin(s): {coins * SECS_PER_COIN // 60} minutes. Insert more, or press Done." if coins else "Insert a coin"
    call("waiting.set", device=customer, text=text, secs=WAIT_SECS, done="Done", cancel="Cancel")


def leave():
    """The customer is done with the slot, or it with him."""
    global customer, coins
    if customer is not None:
        call("waiting.clear", device=customer)
        try:
            call("lock.release", name=SLOT)
        except RuntimeError:
            pass  # It was lost.
    customer, coins = None, 0


def sell(device):
    """Turns all coins of a device into time: once, whatever dies in between, for it claims these very coins."""
    credits = call("credit.list", device=device)["items"]
    if not credits:
        return None
    amount = sum(credit["amount"] for credit in credits)
    ids = [credit["id"] for credit in credits]
    return call(
        "session.create",
        device=device,
        kind="time",
        time_secs=amount // CENTS_PER_COIN * SECS_PER_COIN,
        credits=ids,
        connect=True,
        idempotency_key=f"coins-{ids[0]}-{ids[-1]}-{len(ids)}",
    )


def submit(device, values):
    global customer
    action = values.get("action")
    if action in ("done", "cancel") and customer == device:
        sold = sell(device)
        leave()
        return {"done": {"text": "Enjoy your time!" if sold else "See you."}}
    if customer == device:
        return {"done": {"text": "Insert a coin"}}
    try:
        call("lock.acquire", name=SLOT, device=device, scope="UNLOCK_ON_CONNECTION_LOSS")
    except RuntimeError:
        return {"refuse": {"text": "Somebody else is at the coin slot. Please wait a moment."}}
    customer = device
    show()
    return {"done": {"text": "Insert a coin"}}


def handle(message):
    global coins
    method = message.get("method")
    if "coin" in message:
        # The money first: whatever happens next, it is not lost.
        params = {"amount": CENTS_PER_COIN, "reference": message["coin"], "device": customer}
        call("credit.add", **params)
        if customer is not None:
            coins += 1
            show()
    elif method == "portal.submit":
        result = submit(message["params"]["device"]["id"], message["params"]["values"])
        send({"id": message["id"], "result": result})
    elif method == "lock.lost":
        # He walked away. What he paid is his: it is turned into time, which waits for him.
        if message["params"]["device"] == customer:
            sell(customer)
            leave()
    elif method == "ping":
        send({"id": message["id"], "result": {}})
    elif "id" in message and method:
        send({"id": message["id"], "error": {"code": -32601, "message": "not needed here"}})


def main():
    threading.Thread(target=read, args=(sys.stdin,), daemon=True).start()
    call("hello", protocol=1, name="coins")
    call("provider.register", name="coins", title="Coins", icon="🪙", button="Insert coins",
         text=f"{SECS_PER_COIN // 60} minutes a coin.")
    # What was paid before this program, or turnpike, died.
    for device in {credit["device"] for credit in call("credit.list")["items"]} - {None}:
        sell(device)
    threading.Thread(target=read_coins, args=(sys.argv[1],), daemon=True).start()
    while True:
        message = inbox.get()
        if message is None:
            return
        try:
            handle(message)
        except RuntimeError as error:
            print(error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
