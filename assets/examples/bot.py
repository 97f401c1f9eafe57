#!/usr/bin/env python3
"""A bot for Drift Arena in plain JSON: it flies to the nearest shard and prints its score once a second.

    pip install -r requirements.txt
    python bot.py [ws://127.0.0.1:8080/ws] [seconds]

It does not come back when its line is cut. To do so within a minute, with ship and score, connect again and put the
`resume` and the `room` of the last Welcome into the Hello; the next Welcome has `resumed` true and a new token.
"""
import json, math, sys, time
from websockets.sync.client import connect

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"
end = time.monotonic() + float(sys.argv[2]) if len(sys.argv) > 2 else math.inf

with connect(url, subprotocols=["drift.v1.json"]) as server:
    def send(type, **fields):
        server.send(json.dumps({"type": type, **fields}))

    send("Hello", protocol=1, name="Python")
    while time.monotonic() < end:
        message = json.loads(server.recv())
        match message["type"]:
            case "Welcome":
                print("playing in room", message["room"])
            case "Board":
                print(f"score {message['score']}, rank {message['rank']} of {message['ships']}")
            case "View" if me := message["own"]:  # ten times a second; an input holds until the next
                x, y = me["x"] + 8 * me["vx"], me["y"] + 8 * me["vy"]  # where the ship will drift to
                shards = [(p["x"] - x, p["y"] - y) for p in message["pickups"] if p["kind"] == "shard"]
                dx, dy = min(shards, key=lambda d: math.hypot(*d), default=(1, 1))
                heading = round(math.atan2(dy, dx) / math.tau * 256) % 256  # 0 = east, 64 = south
                send("Input", ack=message["seq"], ctl=7, dir=heading)  # ctl: thrust 0..7
            case "Bye":
                sys.exit(f"the server says goodbye: {message['code']}")
