// Hooks for React 18 and newer: `peerhall/react`. They survive the double mount of StrictMode.

import { useEffect, useRef, useState } from 'react';
import { MeteredPeer } from 'peerhall';

/**
 * A peer in a channel for as long as the component is mounted: `{ peer, state, remotes, error }`. Another
 * channel, server or key means another peer; the rest of `options` is read when a peer is made.
 */
export function usePeer(options, channel) {
  const [view, setView] = useState({ peer: null, state: 'idle', remotes: [], error: null });
  const latest = useRef(options);
  latest.current = options;
  const { url, apiKey } = options;
  useEffect(() => {
    if (!channel) return undefined;
    let peer;
    // React mounts twice in StrictMode; whoever is unmounted within the same turn never connects.
    const timer = setTimeout(() => {
      peer = new MeteredPeer(latest.current);
      const show = (error = null) =>
        setView((before) => ({ peer, state: peer.state, remotes: peer.remotePeers, error: error ?? before.error }));
      for (const event of ['state-change', 'peer-joined', 'peer-left']) peer.on(event, () => show());
      peer.on('error', ({ err }) => show(err));
      setView({ peer, state: peer.state, remotes: [], error: null });
      peer.join(channel).catch((error) => {
        if (peer.state !== 'closed') show(error);
      });
    });
    return () => {
      clearTimeout(timer);
      peer?.removeAllListeners().close('unmounted');
      setView({ peer: null, state: 'idle', remotes: [], error: null });
    };
  }, [url, apiKey, channel]);
  return view;
}

/** Calls the latest `handler` at an event of a client, a peer or a remote peer. */
export function usePeerEvent(target, event, handler) {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => {
    if (!target) return undefined;
    const call = (payload) => latest.current(payload);
    target.on(event, call);
    return () => target.off(event, call);
  }, [target, event]);
}

/** The streams of a remote peer that are live now: `[{ stream, metadata }]`. */
export function useRemoteStreams(remote) {
  const [streams, setStreams] = useState([]);
  useEffect(() => {
    setStreams([]);
    if (!remote) return undefined;
    const without = (list, id) => list.filter(({ stream }) => stream.id !== id);
    const added = ({ stream, metadata }) => setStreams((list) => [...without(list, stream.id), { stream, metadata }]);
    const removed = ({ stream }) => setStreams((list) => without(list, stream.id));
    const reset = () => setStreams([]);
    remote.on('stream-added', added).on('stream-removed', removed).on('connection-reset', reset);
    return () => {
      remote.off('stream-added', added).off('stream-removed', removed).off('connection-reset', reset);
    };
  }, [remote]);
  return streams;
}
