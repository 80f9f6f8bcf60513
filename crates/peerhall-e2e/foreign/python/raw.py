"""A plain WebSocket client, written from the protocol alone, with no SDK."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from urllib.parse import quote

from harness import PATIENCE, check_equal, receive, request, run, started_server
from websockets.asyncio.client import connect


async def main(stack: AsyncExitStack) -> None:
    server = await started_server(stack)
    url = f"{server.url}/v1?key={quote(server.publishable_key, safe='')}"
    a = await stack.enter_async_context(connect(url))
    b = await stack.enter_async_context(connect(url))
    a_id = welcome(await receive(a))
    b_id = welcome(await receive(b))

    await request(a, {"type": "subscribe", "channel": "plain", "requestId": "1"})
    empty = {"type": "presence", "channel": "plain", "joined": [], "left": []}
    check_equal(await receive(a), empty, "the snapshot of an empty channel")
    await request(b, {"type": "subscribe", "channel": "plain", "requestId": "1"})
    check_equal(await receive(b), {**empty, "joined": [{"peerId": a_id}]}, "the second's snapshot")
    check_equal(await receive(a), {**empty, "joined": [{"peerId": b_id}]}, "the first's news")

    data = '{"b":1,"a":12345678901234567890,"u":"\\ud800"}'
    await a.send(f'{{"type":"publish","channel":"plain","data":{data},"requestId":"2"}}')
    check_equal(await receive(a), {"type": "ack", "requestId": "2"}, "ack of publish")
    frame = await asyncio.wait_for(b.recv(), PATIENCE)
    check_equal(data in frame, True, f"data comes byte for byte in {frame}")
    check_equal(json.loads(frame)["from"], a_id, "sender")

    await request(b, {"type": "send", "to": a_id, "data": None, "requestId": "3"})
    check_equal(await receive(a), {"type": "direct", "from": b_id, "data": None}, "direct")

    await a.send(json.dumps({"type": "ping"}))
    check_equal(await receive(a), {"type": "pong"}, "pong")
    await a.send("{nope")
    error = await receive(a)
    check_equal((error["type"], error["code"]), ("error", "malformed_message"), "error")

    await request(b, {"type": "unsubscribe", "channel": "plain", "requestId": "4"})
    left = await receive(a)
    check_equal([peer["peerId"] for peer in left["left"]], [b_id], "who left")


def welcome(frame: dict) -> str:
    check_equal(frame["type"], "welcome", "the first frame")
    check_equal(frame["expiresAt"], None, "a key does not expire")
    check_equal(frame["maxMessageSize"], 65_536, "announced size")
    return frame["peerId"]


run("raw client", 30, main)
