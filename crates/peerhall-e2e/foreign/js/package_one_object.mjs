// Two pages with nothing but `MeteredPeer`s, one of the entry `peerhall/labelled` and one of the main entry that is given
// its labels: labels and what every peer does beside each other, on one object; and somebody with a `Room` in the same
// channel.

import assert from 'node:assert/strict';
import { startBrowser } from './lib/chromium.mjs';
import { run } from './lib/run.mjs';
import { startDev } from './lib/server.mjs';

/** Bytes of the message whose progress is looked at. */
const LARGE = 4_000_000;

await run('labels on one object', 300, async (test) => {
  const server = await startDev(test);
  test.step('starting the browser');
  const browser = await startBrowser(test, server);
  const [ann, ben] = [await browser.openPage(), await browser.openPage()];
  test.step('entering');
  await Promise.all([enter(ann, server.url, { name: 'ann' }), enter(ben, server.url, { name: 'ben', main: true })]);
  for (const [name, part] of Object.entries({ opened, transfers, plain, shares, kept, oldStyle, unheard, closed })) {
    test.step(name);
    await part(ann, ben, server);
    for (const page of [ann, ben]) await page.evaluate(() => void own.messages.splice(0));
  }
});

async function enter(page, url, about) {
  await page.evaluate(async (to, who) => {
    globalThis.members = await import('/members.js');
    globalThis.own = new members.Member({ url: to, labels: ['chat'], ...who });
    await own.peer.join('room');
  }, url, about);
}

/** A channel that both opened before they joined, and one that either opens later, for all or for one. */
async function opened(ann, ben) {
  await ann.evaluate(() => own.reaches('ben'));
  await ben.evaluate(async () => {
    await own.reaches('ann');
    own.peer.openChannel({ label: 'later' });
    (await own.reaches('ann', 'later')).openChannel('between');
  });
  const channels = await ann.evaluate(async () => [...(await own.reaches('ben', 'between')).channels.keys()].sort());
  assert.deepEqual(channels, ['between', 'chat', 'later']);
  assert.deepEqual(await ann.evaluate(async () => (await own.reaches('ben', 'later')).transfer('on it', 'later').then(({ bytes }) => bytes)), 5);
  const { value, label } = await ben.evaluate(() => own.ended(0));
  assert.deepEqual([value, label], ['on it', 'later']);
}

/** Both ways, to one and to all: what was sent arrives as what it was, with progress, and one proof on both sides. */
async function transfers(ann, ben) {
  for (const [from, to, other] of [[ann, ben, 'ben'], [ben, ann, 'ann']]) {
    const sent = await from.evaluate(async (id, size) => {
      const remote = await own.reaches(id);
      const file = new File([members.noise(7, 300_000)], 'note.bin', { type: 'application/x-note' });
      const given = ['', 'hällo', { a: [1, null] }, members.noise(5, 100_000), file, members.streamed(members.noise(9, 90_000), 7_001)];
      const one = await Promise.all(given.map((message, place) => remote.transfer(message, { label: 'chat', info: { place } })));
      const large = own.peer.transfer(new Blob([members.noise(3, size)]), 'chat');
      const items = [];
      for await (const item of large) items.push(item);
      const all = await large;
      return { one, items, all, digests: await Promise.all([given[3], file, members.noise(9, 90_000), members.noise(3, size)].map(members.digest)) };
    }, other, LARGE);
    const came = await to.evaluate(async (count) => {
      const list = await Promise.all(Array.from({ length: count }, (_, place) => own.ended(place)));
      return Promise.all(list.map(async ({ value, ...about }) =>
        ({ ...about, value: ['text', 'json'].includes(about.kind) ? value : await members.digest(value) })));
    }, sent.one.length + 1);
    assert.ok(came.every(({ same, label }) => same && label === 'chat'), JSON.stringify(came));
    assert.deepEqual(came.map(({ kind }) => kind), ['text', 'text', 'json', 'bytes', 'blob', 'bytes', 'blob']);
    assert.deepEqual(came.map(({ value }) => value), ['', 'hällo', { a: [1, null] }, ...sent.digests]);
    assert.deepEqual(came.map(({ info }) => info?.place), [0, 1, 2, 3, 4, 5, undefined]);
    assert.deepEqual(came.map(({ receipt }) => receipt), [...sent.one, sent.all[0].receipt], 'the same proof on both sides');
    assert.deepEqual(sent.all.map(({ id }) => id), [other]);
    const last = sent.items.at(-1);
    assert.deepEqual([last.id, last.label, last.current, last.acked, last.total, last.done], [other, 'chat', LARGE, LARGE, LARGE, true]);
    assert.equal(sent.items.filter(({ done }) => done).length, 1);
  }
}

/** `send` is what it is without labels: through the server, told by `data`, and not by `transfer`. */
async function plain(ann, ben) {
  await ann.evaluate(async () => {
    await own.peer.send('to all');
    await own.peer.sendTo('ben', { to: 'ben' });
    await own.remote('ben').send(['straight']);
  });
  const came = await ben.evaluate(async () => {
    await members.until(() => own.data.length === 3, 'three of data');
    return { data: own.data, transfers: own.messages.length };
  });
  assert.deepEqual(came.data.map(({ senderPeerId, data, kind }) => [senderPeerId, data, kind]),
    [['ann', 'to all', 'broadcast'], ['ann', { to: 'ben' }, 'direct'], ['ann', ['straight'], 'direct']]);
  assert.equal(came.transfers, 0);
}

/** Both ways: streams by label, for all and for one, beside one that is added without; each shows the picture that was given. */
async function shares(ann, ben) {
  for (const [from, to, sender, receiver] of [[ann, ben, 'ann', 'ben'], [ben, ann, 'ben', 'ann']]) {
    const sent = await from.evaluate((other) => {
      globalThis.pictures = [48, 64, 96].map(members.drawing);
      const sound = new AudioContext().createMediaStreamDestination().stream;
      globalThis.plain = new MediaStream([members.drawing(32), sound].flatMap((stream) => stream.getTracks()));
      const given = [own.peer.share({ label: 'camera', stream: pictures[0] })];
      own.peer.addStream(plain, { role: 'plain' });
      given.push(own.remote(other).share({ label: 'for one', stream: pictures[1] }));
      return { given: given.map((stream, place) => stream === pictures[place]), id: plain.id };
    }, receiver);
    assert.deepEqual(sent.given, [true, true]);
    const shown = async (streams) => {
      const wanted = JSON.stringify(streams.toSorted());
      await to.evaluate((who, text) => members.until(async () => JSON.stringify(await members.seen(own.remote(who))) === text, text), sender, wanted);
    };
    await shown([[sent.id, [32], 1], ['camera', [48], 0], ['for one', [64], 0]]);
    const told = await to.evaluate(async () => {
      await members.until(() => own.streams.filter(({ event }) => event === 'added').length === 3, 'three that are told of');
      return { labels: own.streams.map(({ label, role }) => label ?? role).sort(), odd: own.streams.filter(({ event }) => event === 'data-channel') };
    });
    assert.deepEqual(told.labels, ['camera', 'for one', 'plain']);
    assert.deepEqual(told.odd, [], 'channels of labels are told of by labels alone');
    const taken = await from.evaluate(async (other) => {
      const [sound] = plain.getAudioTracks();
      await own.peer.replaceTrack(plain.getVideoTracks()[0], pictures[2].getTracks()[0]);
      own.peer.removeTrack(sound);
      return [own.peer.unshare('camera') === pictures[0], own.remote(other).unshare('for one') === pictures[1]];
    }, receiver);
    assert.deepEqual(taken, [true, true]);
    await to.evaluate(() => members.until(() => own.streams.filter(({ event }) => event === 'removed').length === 2, 'two that are gone'));
    await shown([[sent.id, [96], 0]]);
  }
}

/** The same objects over a lost connection, also when the application took all its listeners away. */
async function kept(ann, ben) {
  await ben.evaluate(() => own.met.get('ann').removeAllListeners());
  const counts = await ben.evaluate(() => ['state-change', 'track', 'connection-reset'].map((event) => own.met.get('ann').listenerCount(event)));
  assert.deepEqual(counts, [0, 0, 0], 'nobody listens whom the application does not know');
  await ann.evaluate(async () => {
    const remote = own.met.get('ben');
    const reset = new Promise((resolve) => remote.once('connection-reset', resolve));
    const rejoined = new Promise((resolve) => own.peer.on('state-change', ({ to }) => to === 'joined' && resolve()));
    own.peer.resetConnections();
    own.peer.dropConnection();
    await Promise.all([reset, rejoined]);
    await (await own.reaches('ben')).transfer('after', 'chat');
  });
  const after = await ben.evaluate(async () => {
    const { value, same } = await own.ended(0);
    await members.until(() => own.remote('ann').streams.size === 1, 'the stream again');
    return { value, same, stays: own.remote('ann') === own.met.get('ann') };
  });
  assert.deepEqual(after, { value: 'after', same: true, stays: true });
  assert.ok(await ann.evaluate(() => own.remote('ben') === own.met.get('ben')));
}

/** The third seed's calls on the same peer, and somebody who has only those. */
async function oldStyle(ann, ben, server) {
  const told = await ann.evaluate(() => {
    const { peer } = own;
    const { labelled: room } = peer;
    const remote = own.remote('ben');
    return [
      room instanceof members.Room, room === peer.labelled, room.peer === peer, remote.labelled === room.connections.get('ben'),
      remote.labelled.remote === remote, [...room.channels.keys()].join(), room.toJSON().connections.join(),
    ];
  });
  assert.deepEqual(told, [true, true, true, true, true, 'chat', 'ben']);
  const main = await ben.evaluate(() => {
    const { peer } = own;
    const remote = own.remote('ann');
    return [
      peer instanceof members.MainPeer, remote instanceof members.MainRemotePeer, peer.labelled instanceof members.Room,
      peer.labelled.peer === peer, peer.labelled.connections.get('ann') === remote.labelled, remote.labelled.remote === remote,
    ];
  });
  assert.deepEqual(main, [true, true, true, true, true, true], 'the main entry has the same room');
  await ben.evaluate(async (url) => {
    globalThis.labels = await import('/labels.js');
    await labels.enter({ url, name: 'cleo' });
  }, server.url);
  const same = await ben.evaluate(async () => {
    const { room } = labels;
    const ann = await labels.other('ann');
    await ann.send('from a room', 'chat');
    return [room.peer instanceof members.MeteredPeer, room.peer.labelled === room, ann.remote.labelled === ann];
  });
  assert.deepEqual(same, [true, true, true]);
  const results = await ann.evaluate(async () => {
    const { from, value } = await own.ended(0);
    const heard = [];
    own.peer.labelled.on('channel:message', ({ remote, data }) => heard.push([remote.id, data.kind]));
    await own.reaches('cleo');
    const all = await own.peer.transfer(members.streamed(members.noise(4, 50_000), 9_000), 'chat');
    globalThis.heard = heard;
    return { from, value, all: all.map(({ id, receipt }) => [id, receipt.bytes]).sort() };
  });
  assert.deepEqual(results, { from: 'cleo', value: 'from a room', all: [['ben', 50_000], ['cleo', 50_000]] });
  const both = await ben.evaluate(async () => {
    await (await own.reaches('ann')).transfer('to both', 'chat');
    const atBen = await own.ended(0);
    const atCleo = await labels.ended(0);
    return [atBen.from, atCleo.from, atBen.receipt.proof === atCleo.receipt.proof];
  });
  assert.deepEqual(both, ['ann', 'ann', true]);
  const twice = await ann.evaluate(async () => [(await own.ended(1)).value, globalThis.heard]);
  assert.deepEqual(twice, ['to both', [['ben', 'text']]], 'told of on both, taken once');
}

/** What nobody listens for is refused; a listener at the remote peer is enough. */
async function unheard(ann, ben, server) {
  await ben.evaluate(async (url) => {
    globalThis.deaf = new members.Member({ url, name: 'dora', labels: ['chat'], takes: false });
    await deaf.peer.join('room');
  }, server.url);
  const refused = await ann.evaluate(async () =>
    (await own.reaches('dora')).transfer('is anybody there', 'chat').then(() => 'sent', ({ code, reason }) => [code, reason]));
  assert.deepEqual(refused, ['cancelled', 'nobody listens']);
  await ben.evaluate(() => deaf.met.get('ann').once('transfer', ({ peer, data }) => void (globalThis.caught = data.then((value) => [peer.id, value]))));
  assert.equal(await ann.evaluate(async () => (await own.remote('dora').transfer('now', 'chat')).bytes), 3);
  assert.deepEqual(await ben.evaluate(() => globalThis.caught), ['ann', 'now']);
}

/** A label that was closed takes nothing, and the others go on. */
async function closed(ann, ben) {
  const codes = await ann.evaluate(async () => {
    own.peer.closeChannel('chat');
    own.remote('ben').closeChannel('between');
    const code = (label) => own.remote('ben').transfer('x', label).then(() => 'sent', (error) => error.code);
    return [await code('chat'), await code('between'), await code('later')];
  });
  assert.deepEqual(codes, ['no_channel', 'no_channel', 'sent']);
  await ben.evaluate(async () => {
    await own.peer.close('done');
    await members.until(() => own.peer.state === 'closed', 'the end');
  });
  const gone = await ann.evaluate(async () => {
    const remote = own.met.get('ben');
    await members.until(() => !own.remote('ben'), 'the leaving of ben');
    const late = await remote.transfer('x', 'later').then(() => 'sent', (error) => error.code);
    try {
      remote.openChannel('later');
    } catch (error) {
      return [late, error.message];
    }
    return [late, 'opened'];
  });
  assert.deepEqual(gone, ['closed', 'the remote peer is closed']);
}
