"""Two low-level clients of the vendor's Python SDK: publish, send, refusals, and a cut."""

from __future__ import annotations

from contextlib import AsyncExitStack

from harness import Proxy, Recorder, check_equal, refusal, run, started_server
from metered_realtime import (
    Connected, Direct, Disconnected, Message, Presence, SignallingClient, SubscribeOptions,
)  # fmt: skip

KINDS = (Connected, Disconnected, Message, Direct, Presence)


async def main(stack: AsyncExitStack) -> None:
    server = await started_server(stack)
    proxy = Proxy(int(server.listen.rsplit(":", 1)[1]))
    url = await proxy.start()

    alice = await client(stack, url, token_provider=server.token_provider(
        "alice", peerMetadata={"name": "Älice"}))  # fmt: skip
    bob = await client(stack, server.url, api_key=server.publishable_key)
    await bob.sdk.subscribe("news/\u00fcber", SubscribeOptions(include_sender_metadata=True))
    # Whoever subscribes before another's snapshot is out may learn of it by news instead.
    await bob.seen.wait(Presence)
    await alice.sdk.subscribe("news/\u00fcber")
    bob_id = bob.seen.all(Connected)[0].peer_id
    roster = await alice.seen.wait(Presence)
    check_equal([peer.peer_id for peer in roster.joined], [bob_id], "alice's roster")
    joined = await bob.seen.wait(Presence, lambda frame: frame.joined)
    check_equal(joined.joined[0].metadata, {"name": "Älice"}, "metadata in presence")

    await exchange(alice, bob, bob_id)

    unknown = await refusal(alice.sdk.send("nobody", 1), "a send to nobody")
    check_equal(unknown.code, "peer_not_found", "code")
    reserved = await refusal(alice.sdk.subscribe("_System/x"), "a reserved channel")
    check_equal(reserved.code, "channel_reserved", "code")

    proxy.cut()
    await alice.seen.wait(Disconnected, lambda event: event.will_reconnect)
    await bob.seen.wait(Presence, lambda frame: frame.left and frame.left[0].peer_id == "alice")
    back = await alice.seen.wait(Connected, lambda event: event.is_reconnect)
    check_equal(back.peer_id, "alice", "id after the return")
    await bob.seen.wait(Presence, lambda frame: len(bob.seen.all(Presence, joins("alice"))) == 2)
    await bob.sdk.publish("news/\u00fcber", "welcome back")
    await alice.seen.wait(Message, lambda event: event.data == "welcome back")


async def exchange(alice: Client, bob: Client, bob_id: str) -> None:
    data = {"text": "grüße \U0001f44b", "big": 9_007_199_254_740_993, "none": None, "f": 1e-7}
    await alice.sdk.publish("news/\u00fcber", data)
    message = await bob.seen.wait(Message)
    check_equal(message.data, data, "published data")
    check_equal(message.sender_peer_id, "alice", "sender")
    check_equal(message.sender_metadata, {"name": "Älice"}, "metadata of a message")
    await bob.sdk.send("alice", [1, "two", None])
    direct = await alice.seen.wait(Direct)
    check_equal((direct.sender_peer_id, direct.data), (bob_id, [1, "two", None]), "direct")


def joins(peer_id: str):
    return lambda frame: any(peer.peer_id == peer_id for peer in frame.joined)


class Client:
    def __init__(self, sdk: SignallingClient) -> None:
        self.sdk = sdk
        self.seen = Recorder(sdk, *KINDS)


async def client(stack: AsyncExitStack, url: str, **credential) -> Client:
    made = Client(SignallingClient(url=url, **credential))
    stack.push_async_callback(made.sdk.close)
    await made.sdk.connect()
    await made.seen.wait(Connected)
    return made


run("python pub/sub", 60, main)
