// Runs one case: `node run.mjs FILE CASE`. A case that does not exist fails.

const [file, name] = process.argv.slice(2);
const { default: cases } = await import(new URL(`${file}.mjs`, import.meta.url));
if (!cases[name]) throw new Error(`${file} has no case ${name}`);
await cases[name]();
// Timers and sockets that a case left behind do not keep it alive.
process.exit(0);
