// A page in React for the test of the hooks, in StrictMode, beside a peer without React.

export const REACT_APP = `
import { StrictMode, createElement as h, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { MeteredPeer } from 'peerhall';
import { usePeer, usePeerEvent, useRemoteStreams } from 'peerhall/react';

export { MeteredPeer };
export const heard = [];
export let sockets = 0;
export let change;

function Tile({ remote }) {
  const streams = useRemoteStreams(remote);
  return streams.map(({ stream, metadata }) => h('p', { key: stream.id, className: 'tile' }, metadata.role));
}

function Room({ options, channel }) {
  const { peer, state, remotes, error } = usePeer(options, channel);
  const [renders, setRenders] = useState(0);
  usePeerEvent(peer, 'data', ({ data }) => {
    heard.push([data, renders]);
    setRenders(renders + 1);
  });
  return h('main', null, h('h1', null, error ? error.name : state), h('h2', null, channel),
    remotes.map((remote) => h(Tile, { key: remote.id, remote })));
}

function App({ options, first }) {
  const [channel, setChannel] = useState(first);
  change = setChannel;
  return channel === null ? null : h(Room, { options, channel });
}

export function mount({ url, apiKey }, first) {
  const options = { url, apiKey, webSocketFactory: (to) => { sockets += 1; return new WebSocket(to); } };
  const root = createRoot(document.body.appendChild(document.createElement('div')));
  root.render(h(StrictMode, null, h(App, { options, first })));
  return () => root.unmount();
}
`;
