"""A peer of the vendor's Python SDK that does what a test in another language tells it.

Lines `{id, call, with}` come in, lines `{id, value}` or `{id, error}` go out, and the end of the input
ends it. `call` is a method of `Guest`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from contextlib import AsyncExitStack
from typing import Any

from aiortc import VideoStreamTrack
from av import VideoFrame
from harness import PATIENCE, Recorder, run
from metered_realtime import (
    Data, DataChannelOpened, FatalError, MediaStream, MeteredPeer, PeerJoined, PeerLeft, RemotePeer, StateChange,
    StreamAdded, StreamRemoved, iter_frames,
)  # fmt: skip

#: Longer than aiortc takes to give up what it cannot have.
LONG = 50.0

#: Longer than a picture that comes at all takes to come, also on a machine that does other things.
SHORT = 20.0


class Picture(VideoStreamTrack):
    """Grey that becomes brighter with every frame."""

    shade = 0

    def __init__(self) -> None:
        super().__init__()
        #: Set whenever one has been handed out and the next one is asked for.
        self.handed_out = asyncio.Event()

    async def recv(self) -> VideoFrame:
        self.handed_out.set()
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(160, 120, "yuv420p")
        self.shade = (self.shade + 5) % 256
        for plane in frame.planes:
            plane.update(bytes([self.shade]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Guest:
    """One peer, and at most one remote peer that it talks with."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._streams: dict[str, MediaStream] = {}
        self._of: dict[RemotePeer, Recorder] = {}

    async def invite(self, url: str, token: str) -> None:
        async def provide() -> str:
            return token

        self._peer = MeteredPeer(url=url, token_provider=provide)
        self._stack.push_async_callback(self._peer.close)
        self._seen = Recorder(self._peer, Data, FatalError, PeerJoined, PeerLeft, StateChange)
        # Before anything of theirs can come.
        self._peer.on(PeerJoined, self._meet)

    def _meet(self, event: PeerJoined) -> None:
        self._of[event.peer] = Recorder(event.peer, StreamAdded, StreamRemoved)
        event.peer.on(DataChannelOpened, echo)

    async def join(self, channel: str) -> None:
        await self._peer.join(channel)

    async def leave(self) -> None:
        await self._peer.close()

    async def meets(self, peer_id: str) -> None:
        await self._seen.wait(PeerJoined, lambda event: event.peer.id == peer_id)

    async def is_left_by(self, peer_id: str) -> None:
        await self._seen.wait(PeerLeft, lambda event: event.peer.id == peer_id)

    async def count_of_remotes(self) -> int:
        return len(self._peer.remote_peers)

    def _remote(self) -> RemotePeer:
        [remote] = self._peer.remote_peers
        return remote

    async def has_returned(self, times: int) -> None:
        """Waits until it has been joined `times` times."""
        while len(self._seen.all(StateChange, lambda change: change.to == "joined")) < times:
            await asyncio.sleep(0.02)

    async def saw_nobody_leave(self) -> None:
        assert self._seen.all(PeerLeft) == [], "somebody left"
        assert self._seen.all(FatalError) == [], "a fatal error"
        assert len(self._of) == 1, "more than one remote peer object"

    async def channel_echoes(self, text: str) -> None:
        """Opens a channel and is answered by an echo."""
        channel = self._remote().create_data_channel("python")
        opened, echoes = asyncio.Event(), asyncio.Queue()
        channel.on("open", opened.set)
        channel.on("message", echoes.put_nowait)
        await asyncio.wait_for(opened.wait(), LONG)
        channel.send(text)
        heard = await asyncio.wait_for(echoes.get(), PATIENCE)
        assert heard == f"echo {text}", heard

    async def add_picture(self, stream: str, metadata: dict[str, Any]) -> None:
        self._streams[stream] = MediaStream([Picture()], id=stream)
        self._peer.add_stream(self._streams[stream], metadata)

    async def replace_picture(self, stream: str) -> None:
        """Puts another picture in the place of a stream's.

        The SDK stops the old one's feed, and a sender that waits for a picture of it then waits for ever. One
        that has just been given a picture does not wait, and takes the next one from where it is told.
        """
        [old] = self._streams[stream].get_tracks()
        new = Picture()
        old.handed_out.clear()
        await old.handed_out.wait()
        # aiortc's encoder ends when time goes back.
        new._start, new._timestamp = old._start, old._timestamp
        await self._peer.replace_track(old, new)
        # The SDK leaves the stream as it was, and would not find in it what it is to remove.
        self._streams[stream].remove_track(old)
        self._streams[stream].add_track(new)
        old.stop()

    async def remove_stream(self, stream: str) -> None:
        self._peer.remove_stream(self._streams.pop(stream))

    def _shows(self, stream: str) -> list[StreamAdded]:
        return self._of[self._remote()].all(StreamAdded, lambda event: event.stream.id == stream)

    async def is_shown(self, stream: str, times: int) -> Any:
        """Waits until a remote stream has come `times` times; gives the last one's metadata."""
        while len(found := self._shows(stream)) < times:
            await asyncio.sleep(0.02)
        self._shown = found[-1].stream
        return found[-1].metadata

    async def sees(self, count: int) -> None:
        """Decodes pictures of the stream that was shown last."""
        await asyncio.wait_for(self._decode(count), LONG)

    async def _decode(self, count: int) -> None:
        async for _ in iter_frames(self._shown.get_video_tracks()[0]):
            count -= 1
            if count == 0:
                return
        raise AssertionError("the picture ended")

    async def sees_anew(self, stream: str, before: int, count: int) -> int:
        """Decodes pictures of a stream that has come more than `before` times, of the newest one: a
        connection may be replaced more than once until both sides agree. Gives how often it has come."""

        async def one_that_lasts() -> int:
            while True:
                await self.is_shown(stream, before + 1)
                try:
                    await asyncio.wait_for(self._decode(count), SHORT)
                except (AssertionError, TimeoutError):
                    continue
                return len(self._shows(stream))

        return await asyncio.wait_for(one_that_lasts(), LONG)

    async def receives_nothing(self) -> None:
        """Waits until nothing is sent to it any more, as far as has been agreed on."""
        receiving = ("recvonly", "sendrecv")
        while any(t.currentDirection in receiving for t in self._remote()._connection.pc.getTransceivers()):
            await asyncio.sleep(0.02)

    async def is_removed(self, stream: str) -> None:
        await self._of[self._remote()].wait(StreamRemoved, lambda event: event.stream.id == stream, LONG)

    async def restart(self) -> None:
        """What stands for an ICE restart here: the SDK makes its connection anew, as when ICE has failed."""
        await self._remote()._connection.rebuild()


def echo(event: DataChannelOpened) -> None:
    channel = event.channel
    channel.on("message", lambda text: channel.send(f"echo {text}"))


async def answer(guest: Guest, question: dict[str, Any]) -> None:
    try:
        said = {"value": await getattr(guest, question["call"])(*question["with"])}
    except Exception as error:  # noqa: BLE001 - the test decides what it is worth
        said = {"error": f"{error!r}\n{traceback.format_exc()}"}
    print(json.dumps({"id": question["id"], **said}), flush=True)


async def main(stack: AsyncExitStack) -> None:
    guest = Guest(stack)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    tasks = []
    while line := await lines.readline():
        tasks.append(asyncio.create_task(answer(guest, json.loads(line))))
    await asyncio.gather(*tasks)


run("stage", 240, main)
