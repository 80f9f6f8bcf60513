"""The Python half of w154: a peer in a room with a browser. Run by js/w154_python_and_browser.mjs.

Usage: w154_peer.py URL KEY CHANNEL. Lets a tone be heard, echoes data channels, and ends well once
it has seen the browser's camera with its metadata and had an echo over a channel of its own.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from harness import PATIENCE, Recorder, check_equal, run
from metered_realtime import (
    AudioSource, DataChannelOpened, FatalError, MediaStream, MeteredPeer, PeerJoined, StreamAdded, iter_frames,
)  # fmt: skip

SAMPLE_RATE = 16_000
#: Ten seconds of a 400 Hz square wave, 16-bit mono.
TONE = (b"\x00\x20" * 20 + b"\x00\xe0" * 20) * 4_000
#: Pictures that must be decoded before the browser's camera counts as seen.
FRAMES = 5


async def main(stack: AsyncExitStack) -> None:
    url, key, channel_name = sys.argv[1:]
    peer = MeteredPeer(url=url, api_key=key)
    stack.push_async_callback(peer.close)
    seen = Recorder(peer, PeerJoined, FatalError)
    voice = AudioSource(input_rate=SAMPLE_RATE, max_buffered_seconds=30)
    # Audio from here, video from there: aiortc does not notice when a browser begins to send on
    # a line of the session that so far was one-way.
    peer.add_stream(MediaStream([voice], id="python-stream"), {"role": "bot"})
    await peer.join(channel_name)
    # The browser joins when it reads this line.
    print("JOINED", flush=True)

    browser = (await seen.wait(PeerJoined, patience=30)).peer
    await voice.push(TONE)
    of_browser = Recorder(browser, StreamAdded)
    browser.on(DataChannelOpened, echo)
    added = await of_browser.wait(StreamAdded, patience=30)
    check_equal(added.metadata, {"role": "camera", "label": "Front"}, "metadata of the camera")
    await asyncio.wait_for(some_frames(added.stream.get_video_tracks()[0]), PATIENCE)

    channel = browser.create_data_channel("from-python")
    opened, echoes = asyncio.Event(), asyncio.Queue()
    channel.on("open", opened.set)
    channel.on("message", echoes.put_nowait)
    await asyncio.wait_for(opened.wait(), PATIENCE)
    channel.send("hello from Python")
    check_equal(await asyncio.wait_for(echoes.get(), PATIENCE), "echo hello from Python", "echo")
    check_equal(seen.all(FatalError), [], "fatal errors")


def echo(event: DataChannelOpened) -> None:
    channel = event.channel
    channel.on("message", lambda text: channel.send(f"echo {text}"))


async def some_frames(track) -> None:
    count = 0
    async for _ in iter_frames(track):
        count += 1
        if count == FRAMES:
            return
    raise AssertionError(f"the camera ended after {count} frames")


run("w154 python half", 90, main)
