"""Two room peers of the vendor's Python SDK: a data channel over aiortc, echoed."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from harness import PATIENCE, Recorder, check_equal, run, started_server
from metered_realtime import Data, DataChannelOpened, FatalError, MeteredPeer, PeerJoined, PeerLeft

#: Above one SCTP packet, so that fragments have to be put together again.
PAYLOAD = "x" * 50_000


async def main(stack: AsyncExitStack) -> None:
    server = await started_server(stack)
    a, seen_by_a = peer(stack, server)
    b, seen_by_b = peer(stack, server)

    def echo(event: DataChannelOpened) -> None:
        event.channel.on("message", event.channel.send)

    await b.join("echo")
    await a.join("echo")
    b_at_a = (await seen_by_a.wait(PeerJoined)).peer
    a_at_b = (await seen_by_b.wait(PeerJoined)).peer
    check_equal((b_at_a.id, a_at_b.id), (b.peer_id, a.peer_id), "who met whom")
    a_at_b.on(DataChannelOpened, echo)

    channel = b_at_a.create_data_channel("echo")
    opened, echoes = asyncio.Event(), asyncio.Queue()
    channel.on("open", opened.set)
    channel.on("message", echoes.put_nowait)
    await asyncio.wait_for(opened.wait(), PATIENCE)
    for sent in ("hello", b"\x00\x01\xff", PAYLOAD):
        channel.send(sent)
        check_equal(await asyncio.wait_for(echoes.get(), PATIENCE), sent, "echo")

    await a.send({"to": "all"})
    broadcast = await seen_by_b.wait(Data, lambda event: event.kind == "broadcast")
    check_equal((broadcast.sender_peer_id, broadcast.data), (a.peer_id, {"to": "all"}), "broadcast")
    await a_at_b.send("to one")
    direct = await seen_by_a.wait(Data, lambda event: event.kind == "direct")
    check_equal((direct.sender_peer_id, direct.data), (b.peer_id, "to one"), "direct")

    await b.close()
    left = await seen_by_a.wait(PeerLeft, patience=2)
    check_equal(left.peer.id, b_at_a.id, "who left")
    check_equal(seen_by_a.all(FatalError), [], "fatal errors")


def peer(stack: AsyncExitStack, server) -> tuple[MeteredPeer, Recorder]:
    made = MeteredPeer(url=server.url, api_key=server.publishable_key)
    stack.push_async_callback(made.close)
    return made, Recorder(made, Data, FatalError, PeerJoined, PeerLeft)


run("python data channel", 60, main)
