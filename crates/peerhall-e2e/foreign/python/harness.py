"""What every script here needs: a server, a time limit, a verdict, events that are not missed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import traceback
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

READY_WITHIN = 20.0
STOP_WITHIN = 15.0
#: How long a wait may take by default, in seconds; far above what a healthy server needs.
PATIENCE = 15.0


class Server:
    """One `peerhall dev` on a free loopback port, with keys that may do everything."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self._process = process
        self.url: str = ready["url"]
        self.listen: str = ready["listen"]
        self.publishable_key: str = ready["publishableKey"]
        self._secret_key: dict[str, str] = ready["secretKey"]

    @classmethod
    async def start(cls) -> Server:
        binary = os.environ.get("PEERHALL_BIN")
        if not binary:
            raise RuntimeError("PEERHALL_BIN is not set; run the tests by `cargo xtask test`")
        process = await asyncio.create_subprocess_exec(
            binary, "dev", "--listen", "127.0.0.1:0", "--json",
            stdout=asyncio.subprocess.PIPE, stderr=None,
        )  # fmt: skip
        line = await asyncio.wait_for(process.stdout.readline(), READY_WITHIN)
        if not line:
            raise RuntimeError(f"the server ended ({await process.wait()}) before it was ready")
        return cls(process, json.loads(line))

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_WITHIN)
            except TimeoutError:
                self._process.kill()
                raise

    async def rest(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control plane with the secret key; raises unless it answers 2xx."""
        key = self._secret_key
        request = urllib.request.Request(
            f"http://{self.listen}{path}",
            method=method,
            headers={"authorization": f"Bearer {key['keyId']}:{key['secret']}"},
            data=None if body is None else json.dumps(body).encode(),
        )

        def call() -> Any:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return json.load(response)

        return await asyncio.to_thread(call)

    def token_provider(self, peer_id: str, **claims: Any) -> Callable[[], Awaitable[str]]:
        """Mints a token for `peer_id` over REST each time the SDK asks."""

        async def provide() -> str:
            answer = await self.rest("POST", "/v1/tokens", {"peerId": peer_id, **claims})
            return answer["token"]

        return provide


class Proxy:
    """A TCP proxy on loopback whose connections can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        """Listens, and gives the `ws:` URL that leads through the proxy."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"ws://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._writers -= {writer, far_writer}

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()


class Recorder:
    """Keeps every event of an emitter, so that one that came early is not missed."""

    def __init__(self, emitter: Any, *kinds: type) -> None:
        self.events: list[Any] = []
        self._news = asyncio.Event()
        for kind in kinds:
            emitter.on(kind, self._add)

    def _add(self, event: Any) -> None:
        self.events.append(event)
        self._news.set()

    def all(self, kind: type, where: Callable[[Any], bool] = lambda _: True) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind) and where(event)]

    async def wait(
        self, kind: type, where: Callable[[Any], bool] = lambda _: True, patience: float = PATIENCE
    ) -> Any:
        """The first event `kind` that `where` accepts, recorded already or still to come."""
        end = time.monotonic() + patience
        while not (found := self.all(kind, where)):
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), end - time.monotonic())
            except TimeoutError:
                seen = self.events[-8:]
                raise AssertionError(f"no {kind.__name__} in {patience} s; seen: {seen}") from None
        return found[0]


def check_equal(actual: Any, expected: Any, what: str) -> None:
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


async def refusal(request: Awaitable[Any], what: str) -> Exception:
    """What `request` was refused with."""
    try:
        await request
    except Exception as error:  # noqa: BLE001 - the caller looks at it
        return error
    raise AssertionError(f"{what} was not refused")


async def receive(socket: Any) -> dict[str, Any]:
    """The next frame on a plain WebSocket."""
    return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))


async def request(socket: Any, frame: dict[str, Any]) -> None:
    """Sends `frame` on a plain WebSocket and takes its `ack`, which must be the next frame."""
    await socket.send(json.dumps(frame))
    check_equal(await receive(socket), {"type": "ack", "requestId": frame["requestId"]}, "ack")


def run(name: str, limit: float, body: Callable[[contextlib.AsyncExitStack], Awaitable[None]]) -> None:
    """Runs `body` within `limit` seconds, prints `PASS …` or `FAIL …`, and exits 0 or 1."""

    async def limited() -> None:
        task = asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        async with asyncio.timeout(limit), contextlib.AsyncExitStack() as stack:
            await body(stack)

    started = time.monotonic()
    try:
        asyncio.run(limited())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the verdict
        traceback.print_exc(file=sys.stdout)
        print(f"FAIL {name} after {time.monotonic() - started:.1f} s: {error!r}", flush=True)
        os._exit(1)
    print(f"PASS {name} in {time.monotonic() - started:.1f} s", flush=True)
    # The WebRTC stack may keep threads of its own; the verdict is out.
    os._exit(0)


async def started_server(stack: contextlib.AsyncExitStack) -> Server:
    """A server that ends with `stack`."""
    server = await Server.start()
    stack.push_async_callback(server.stop)
    return server
