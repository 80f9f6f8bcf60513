// Channels without peers, in less room than the whole package.

export * from './shared.js';
