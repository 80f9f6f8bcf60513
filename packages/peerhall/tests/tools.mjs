// Where the tools of these tests are, and the package as npm would install it.

import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);
const run = promisify(execFile);

/** A module of the tools; says how to get them. */
export async function tool(name) {
  try {
    await access(join(HERE, 'node_modules'));
  } catch {
    throw new Error(`no npm packages in ${HERE}; run \`cargo xtask test\`, which provides them`);
  }
  return import(name);
}

/** Compiles the samples and the comparison with the vendor's declarations, strictly; rejects with what is wrong. */
export async function typecheck() {
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  // The vendor's own declarations are not free of errors; ours are checked with the samples.
  for (const config of ['tsconfig.json', 'tsconfig.compat.json']) {
    try {
      await run(process.execPath, [tsc, '-p', join(HERE, 'samples', config)]);
    } catch ({ stdout, message }) {
      throw new Error(stdout || message);
    }
  }
}

/**
 * A new folder with the package in its `node_modules`, unpacked from what `npm publish` would send, beside the
 * tools; `files` are written into it.
 */
export async function project(test, files) {
  const folder = await mkdtemp(join(tmpdir(), 'peerhall-package-'));
  test.defer(() => rm(folder, { recursive: true, force: true }));
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'peerhall'), { recursive: true });
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: join(HERE, '..') });
  const [{ filename }] = JSON.parse(stdout);
  await run('tar', ['-xzf', join(folder, filename), '-C', join(modules, 'peerhall'), '--strip-components=1']);
  for (const name of ['react', 'react-dom', 'scheduler']) await symlink(join(HERE, 'node_modules', name), join(modules, name));
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}
