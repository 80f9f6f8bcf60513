"""`peerhall serve` with a certificate: WebSocket, REST and the page over TLS."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import os
import ssl
import tempfile
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from harness import PATIENCE, READY_WITHIN, STOP_WITHIN, check_equal, receive, refusal, request, run
from websockets.asyncio.client import connect

#: Large messages in all.
BURST = 150
#: Of them on their way together: under the 1 MiB that may wait for one reader.
AT_ONCE = 15


async def main(stack: AsyncExitStack) -> None:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    certify(folder)
    data = folder / "data"
    publishable = await command("key", "create", "--type", "publishable", "--actions",
                                "publish,subscribe,presence,send", "--data", str(data), "--json")  # fmt: skip
    secret = await command("key", "create", "--type", "secret", "--data", str(data), "--json")
    listen = await serve(stack, folder, data)
    trust = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    url = f"wss://{listen}/v1?key={publishable['keyId']}"

    a = await stack.enter_async_context(connect(url, ssl=trust))
    b = await stack.enter_async_context(connect(url, ssl=trust))
    for socket in (a, b):
        check_equal((await receive(socket))["type"], "welcome", "the first frame")
        await request(socket, {"type": "subscribe", "channel": "secure", "requestId": "s"})
        check_equal((await receive(socket))["type"], "presence", "the snapshot")
    check_equal((await receive(a))["type"], "presence", "news of the second")

    # Large frames, faster than they are read: the session has to be fed in pieces. As many at a time
    # as the server lets wait for one reader.
    payload = "x" * 60_000
    for start in range(0, BURST, AT_ONCE):
        burst = range(start, start + AT_ONCE)
        for n in burst:
            await a.send(json.dumps({"type": "publish", "channel": "secure", "data": [n, payload]}))
        for n in burst:
            check_equal((await receive(b))["data"], [n, payload], "a large message")

    listing = urllib.request.Request(
        f"https://{listen}/v1/channels/secure/peers",
        headers={"authorization": f"Bearer {secret['keyId']}:{secret['secret']}"},
    )
    answer = await asyncio.to_thread(fetch, listing, trust)
    check_equal(len(answer["peers"]), 2, "peers listed over HTTPS")
    page = urllib.request.Request(f"https://{listen}/")
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(page, timeout=PATIENCE, context=trust).read())
    check_equal(b"Peerhall" in text, True, "the page over HTTPS")

    strict = ssl.create_default_context()
    error = await refusal(connect(url, ssl=strict).__aenter__(), "a client that does not trust the certificate")
    check_equal(isinstance(error, ssl.SSLCertVerificationError), True, f"{error!r}")
    await refusal(connect(url.replace("wss:", "ws:"), open_timeout=5).__aenter__(), "a client without TLS")

    await a.close()
    check_equal((await receive(b))["left"] != [], True, "the others hear of a close over TLS")


def certify(folder: Path) -> None:
    """Writes a certificate for 127.0.0.1 that signs itself, its key, and the settings that name them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, none))
    (folder / "peerhall.toml").write_text(
        "[limits]\nframes_per_second = 0\n[tls]\n"
        f'cert_file = "{folder / "cert.pem"}"\nkey_file = "{folder / "key.pem"}"\n'
    )


async def command(*arguments: str) -> dict:
    """What a command of the binary prints as JSON."""
    process = await asyncio.create_subprocess_exec(
        os.environ["PEERHALL_BIN"], *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    check_equal(process.returncode, 0, f"status of {arguments[:2]}")
    return json.loads(output)


async def serve(stack: AsyncExitStack, folder: Path, data: Path) -> str:
    """Starts a server that ends with `stack`, and gives its address."""
    process = await asyncio.create_subprocess_exec(
        os.environ["PEERHALL_BIN"], "serve", "--data", str(data), "--listen", "127.0.0.1:0",
        "--config", str(folder / "peerhall.toml"), "--json", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def stop() -> None:
        process.terminate()
        check_equal(await asyncio.wait_for(process.wait(), STOP_WITHIN), 0, "status of the server")

    stack.push_async_callback(stop)
    ready = json.loads(await asyncio.wait_for(process.stdout.readline(), READY_WITHIN))
    check_equal(ready["url"].startswith("wss:"), True, "the url names TLS")
    return ready["listen"]


def fetch(request: urllib.request.Request, trust: ssl.SSLContext) -> dict:
    with urllib.request.urlopen(request, timeout=PATIENCE, context=trust) as response:
        return json.load(response)


run("TLS", 60, main)
