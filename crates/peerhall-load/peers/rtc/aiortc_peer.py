"""aiortc between two processes: `aiortc_peer.py MEGABYTES MESSAGE_BYTES` starts itself as the receiver, sends, and
prints one line of JSON: seconds and seconds of CPU of both for the messages, median round trip of 64 bytes."""

import asyncio
import json
import sys
import time

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

# Bytes that may wait to be sent: what Peerhall takes by default.
BUFFER = 4 * 1024 * 1024


def opened():
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


def text(description):
    return json.dumps({"type": description.type, "sdp": description.sdp})


def description(line):
    return RTCSessionDescription(**json.loads(line))


async def receive():
    connection = opened()

    @connection.on("datachannel")
    def arrived(channel):
        @channel.on("message")
        def message(data):
            if isinstance(data, str) or len(data) == 64:
                channel.send(data)

    lines = asyncio.get_running_loop()
    await connection.setRemoteDescription(description(await lines.run_in_executor(None, sys.stdin.readline)))
    await connection.setLocalDescription(await connection.createAnswer())
    print(text(connection.localDescription), flush=True)
    await lines.run_in_executor(None, sys.stdin.readline)


async def send(megabytes, size):
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "receive", stdin=pipe, stdout=pipe, limit=1024 * 1024
    )
    connection = opened()
    channel = connection.createDataChannel("bulk")
    channel.bufferedAmountLowThreshold = BUFFER // 2
    ready, low, back = asyncio.Event(), asyncio.Event(), asyncio.Event()
    channel.on("open", ready.set)
    channel.on("bufferedamountlow", low.set)
    channel.on("message", lambda _: back.set())
    await connection.setLocalDescription(await connection.createOffer())
    child.stdin.write((text(connection.localDescription) + "\n").encode())
    await connection.setRemoteDescription(description(await child.stdout.readline()))
    await ready.wait()

    async def echo(message):
        back.clear()
        channel.send(message)
        await back.wait()

    message = b"\x5a" * size
    used = processor("self") + processor(child.pid)
    started = time.monotonic()
    for _ in range(-(-megabytes * 1_000_000 // size)):
        channel.send(message)
        if channel.bufferedAmount > BUFFER:
            low.clear()
            await low.wait()
    await echo("end")
    seconds = time.monotonic() - started
    used = processor("self") + processor(child.pid) - used
    trips = []
    for _ in range(1000):
        start = time.monotonic()
        await echo(bytes(64))
        trips.append(time.monotonic() - start)
    trips.sort()
    child.stdin.close()
    await child.wait()
    result = {"seconds": seconds, "cpuSeconds": used, "roundTripMicros": round(trips[500] * 1e6)}
    print(json.dumps(result), flush=True)


def processor(process):
    """Seconds of CPU of a process so far, from ticks of 10 ms."""
    with open(f"/proc/{process}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(") ")[2].split()
    return sum(map(int, fields[11:13])) / 100


if sys.argv[1] == "receive":
    asyncio.run(receive())
else:
    asyncio.run(send(int(sys.argv[1]), int(sys.argv[2])))
