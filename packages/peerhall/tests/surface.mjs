// Everything that the vendor's SDK has a name for, ours has too.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as labels from '../dist/labelled.js';
import * as ours from '../dist/peerhall.js';

const require = createRequire(new URL('../../../crates/peerhall-e2e/foreign/js/package.json', import.meta.url));
const entry = require.resolve('@metered-ca/realtime');
const theirs = require('@metered-ca/realtime');
const declarations = readFileSync(join(dirname(entry), 'index.d.ts'), 'utf8');
const ourDeclarations = ['peerhall', 'shared']
  .map((name) => readFileSync(new URL(`../dist/${name}.d.ts`, import.meta.url), 'utf8')).join('\n');

/** Instances whose fields can be looked at. */
const SAMPLES = {
  SignallingConnectError: [4001, 'why'],
  OversizedPayloadError: [2, 1],
  MeteredPeerOversizedError: [2, 1],
  MeteredPeerSendError: ['not_joined', 'words'],
  MeteredPeerStateError: ['invalid_state', 'join', 'words', 'closed'],
  MeteredPeerReplaceTrackError: [['a'], [{ peerId: 'b', err: new Error('no') }]],
  DataChannelOverflowError: [2, 1],
};

/** What `peerhall/labelled` leaves to `peerhall`: no peer needs it. */
const APART = ['DataChannel', 'DataChannelOverflowError', 'RoomPeer', 'SignallingClient'];

/** What a class lets others call and read, its own and inherited. */
function inherited(shape) {
  const names = new Set();
  for (let at = shape; at !== Object.prototype; at = Object.getPrototypeOf(at)) Object.getOwnPropertyNames(at).forEach((name) => names.add(name));
  return [...names].sort();
}

/** Public members of a class in the vendor's declarations. */
function members(name) {
  const body = new RegExp(`declare class ${name}\\b(?:<[^{]*>)?[^{]*\\{([\\s\\S]*?)\\n\\}`).exec(declarations)?.[1] ?? '';
  const lines = body.split('\n').filter((line) => !/^\s*(private|#|\*|\/\*\*|\/\/)/.test(line));
  return lines.map((line) => /^ {4}(?:readonly |get |static )*([A-Za-z_]\w*)[(<?:;]/.exec(line)?.[1])
    .filter((member) => member && member !== 'constructor' && !member.startsWith('_'));
}

export default {
  names() {
    const missing = Object.keys(theirs).filter((name) => !(name in ours));
    assert.deepEqual(missing, []);
    for (const [name, value] of Object.entries(theirs)) assert.equal(typeof ours[name], typeof value, name);
    assert.deepEqual({ ...ours.WsCloseCode }, { ...theirs.WsCloseCode });
    assert.deepEqual(Object.keys(ours.NoopLogger).sort(), Object.keys(theirs.NoopLogger).sort());
  },

  members() {
    let seen = 0;
    for (const name of ['MeteredPeer', 'RemotePeer', 'DataChannel', 'SignallingClient', 'EventEmitter']) {
      const shape = name === 'EventEmitter' ? ours.MeteredPeer.prototype : ours[name].prototype;
      for (const member of members(name)) {
        assert.ok(member in shape, `${name}.${member}`);
        seen += 1;
      }
    }
    assert.ok(seen > 40, `only ${seen} members were found in the vendor's declarations`);
  },

  labelled() {
    const [plain, own] = [ours.MeteredPeer, labels.MeteredPeer].map(({ prototype }) => inherited(prototype));
    assert.deepEqual(plain.filter((name) => !own.includes(name)), []);
    assert.deepEqual(own.filter((name) => !plain.includes(name)), [], 'the main entry has what belongs to labels');
    for (const member of members('MeteredPeer')) assert.ok(own.includes(member), member);
    assert.deepEqual(Object.keys(ours).filter((name) => !(name in labels)).sort(), APART);
    for (const name of Object.keys(ours).filter((name) => name in labels)) assert.equal(typeof labels[name], typeof ours[name], name);
  },

  errors() {
    for (const [name, args] of Object.entries(SAMPLES)) {
      const [our, their] = [new ours[name](...args), new theirs[name](...args)];
      assert.ok(our instanceof Error && our instanceof ours[name]);
      for (const field of Object.keys(their)) assert.deepEqual(our[field], their[field], `${name}.${field}`);
      assert.equal(our.name, their.name);
    }
    const vendors = Object.keys(theirs).filter((name) => name.endsWith('Error'));
    assert.deepEqual(vendors.filter((name) => !(name in SAMPLES)), []);
  },

  types() {
    const exported = /export type \{([^}]*)\}/.exec(declarations)[1].split(',').map((part) => part.trim().split(' as ').pop());
    assert.ok(exported.length > 20);
    const declares = (name) => new RegExp(`export (declare )?(interface|type|class|const) ${name}\\b`).test(ourDeclarations);
    assert.deepEqual(exported.filter((name) => !declares(name)), []);
  },
};
