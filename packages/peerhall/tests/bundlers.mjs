// One application, built by each tool that people build pages with: `{file, kind}` to load, by tool.

import { join } from 'node:path';
import { tool } from './tools.mjs';

/** What an application takes of the package: its parts, a call of each engine, and an answer through it. */
export const APPLICATION = `
import { MeteredPeer, SignallingClient } from 'peerhall';
import { SignallingClient as Smaller } from 'peerhall/signalling';
import { explainMediaError } from 'peerhall/helpers';
import { labels } from 'peerhall/labelled';

export async function work({ url, apiKey, webSocketFactory }) {
  const options = { url, apiKey, ...(webSocketFactory && { webSocketFactory }) };
  const said = [];
  for (const Class of [SignallingClient, Smaller]) {
    const [one, other] = [new Class(options), new Class(options)];
    await Promise.all([one.connect(), other.connect()]);
    await one.subscribe('desk');
    const heard = new Promise((resolve) => one.on('message', ({ data }) => resolve(data.text)));
    await other.publish('desk', { text: 'hello' });
    said.push(await heard);
    await Promise.all([one.close(), other.close()]);
  }
  const peer = new MeteredPeer({ ...options, labels, rtcPeerConnectionFactory: () => { throw new Error('nobody is there'); } });
  await peer.join('room');
  peer.openChannel('files');
  said.push(peer.state, ...peer.labelled.channels.keys());
  await peer.close();
  said.push(explainMediaError({ name: 'NotFoundError' }).reason);
  return said.join(' ');
}
globalThis.work = work;
`;

/** What `work` gives everywhere. */
export const EXPECTED = 'hello hello joined files missing';

/** Only the pub/sub part, to see that a bundle of it holds nothing else. */
export const SMALLER = "export { SignallingClient } from 'peerhall/signalling';\n";

export const BUNDLERS = {
  async vite(root, entry, name) {
    const { build } = await tool('vite');
    await build({
      root, logLevel: 'error', configFile: false,
      build: { outDir: join(root, 'vite'), emptyOutDir: false, lib: { entry: join(root, entry), formats: ['es'], fileName: () => name } },
    });
    return join(root, 'vite', name);
  },

  async webpack(root, entry, name) {
    const { default: webpack } = await tool('webpack');
    const config = {
      context: root, mode: 'production', entry: join(root, entry), experiments: { outputModule: true },
      output: { path: join(root, 'webpack'), filename: name, library: { type: 'module' } },
      // The engine is one large text, which webpack would rather see split.
      performance: { hints: false },
    };
    await new Promise((resolve, reject) => webpack(config, (error, stats) => {
      if (error ?? stats.hasErrors()) reject(error ?? new Error(stats.toString('errors-only')));
      else resolve();
    }));
    return join(root, 'webpack', name);
  },

  async rollup(root, entry, name) {
    const { rollup } = await tool('rollup');
    const { nodeResolve } = await tool('@rollup/plugin-node-resolve');
    const bundle = await rollup({ input: join(root, entry), plugins: [nodeResolve({ browser: true })] });
    await bundle.write({ file: join(root, 'rollup', name), format: 'es' });
    await bundle.close();
    return join(root, 'rollup', name);
  },

  async esbuild(root, entry, name) {
    const { build } = await tool('esbuild');
    const outfile = join(root, 'esbuild', name);
    await build({ absWorkingDir: root, entryPoints: [entry], outfile, bundle: true, minify: true, format: 'esm', logLevel: 'error' });
    return outfile;
  },
};
