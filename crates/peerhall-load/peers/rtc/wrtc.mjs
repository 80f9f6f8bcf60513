// libwebrtc in Node between two processes: `wrtc.mjs MEGABYTES MESSAGE_BYTES` starts itself as the receiver, sends,
// and prints one line of JSON: seconds and seconds of CPU of both for the messages, median round trip of
// 64 bytes.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const { RTCPeerConnection } = createRequire(import.meta.url)("@roamhq/wrtc");

// Bytes that may wait to be sent: what Peerhall takes by default.
const BUFFER = 4 * 1024 * 1024;

const [first, second] = process.argv.slice(2);
await (first === "receive" ? receive() : send(Number(first), Number(second)));
process.exit(0);

async function described(connection, description) {
  const gathered = new Promise((resolve) => {
    connection.addEventListener("icecandidate", ({ candidate }) => candidate || resolve());
  });
  await connection.setLocalDescription(description);
  await gathered;
  return JSON.stringify(connection.localDescription);
}

async function receive() {
  const connection = new RTCPeerConnection();
  connection.ondatachannel = ({ channel }) => {
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => {
      if (typeof data === "string" || data.byteLength === 64) channel.send(data);
    };
  };
  const lines = createInterface({ input: process.stdin });
  const ended = new Promise((resolve) => lines.once("close", resolve));
  const offer = await new Promise((resolve) => lines.once("line", resolve));
  await connection.setRemoteDescription(JSON.parse(offer));
  console.log(await described(connection, await connection.createAnswer()));
  await ended;
}

async function send(megabytes, size) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "receive"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const connection = new RTCPeerConnection();
  const channel = connection.createDataChannel("bulk");
  channel.binaryType = "arraybuffer";
  const opened = new Promise((resolve) => (channel.onopen = resolve));
  child.stdin.write(`${await described(connection, await connection.createOffer())}\n`);
  const lines = createInterface({ input: child.stdout });
  const answer = await new Promise((resolve) => lines.once("line", resolve));
  await connection.setRemoteDescription(JSON.parse(answer));
  await opened;

  let back = () => {};
  channel.onmessage = () => back();
  const echo = (message) =>
    new Promise((resolve) => {
      back = resolve;
      channel.send(message);
    });
  const message = new Uint8Array(size).fill(0x5a);
  const used = () => processor('self') + processor(child.pid);
  const [usedBefore, started] = [used(), performance.now()];
  for (let left = Math.ceil((megabytes * 1e6) / size); left > 0; left -= 1) {
    channel.send(message);
    if (channel.bufferedAmount > BUFFER) {
      // The package never tells that the buffer has run low.
      while (channel.bufferedAmount > BUFFER / 2) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  await echo("end");
  const seconds = (performance.now() - started) / 1000;
  const cpuSeconds = used() - usedBefore;
  const trips = [];
  for (let left = 1000; left > 0; left -= 1) {
    const from = performance.now();
    await echo(new Uint8Array(64));
    trips.push(performance.now() - from);
  }
  trips.sort((a, b) => a - b);
  child.stdin.end();
  await gone;
  const roundTripMicros = Math.round(trips[500] * 1000);
  console.log(JSON.stringify({ seconds, cpuSeconds, roundTripMicros }));
}

// Seconds of CPU of a process so far, from ticks of 10 ms.
function processor(process) {
  const fields = readFileSync(`/proc/${process}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return fields.slice(11, 13).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}
