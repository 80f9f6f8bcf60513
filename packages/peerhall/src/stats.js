/** What the engine judges a connection by, out of a browser's report. */
export function sample(report) {
  const all = [...report.values()];
  const pair = selectedPair(report, all);
  const relayed = (id) => report.get(id)?.candidateType === 'relay';
  let received = 0;
  let lost = 0;
  for (const { type, packetsReceived = 0, packetsLost = 0 } of all) {
    if (type !== 'inbound-rtp') continue;
    received += packetsReceived;
    // A browser counts packets that come twice as less than lost.
    lost += Math.max(packetsLost, 0);
  }
  return {
    received,
    lost,
    ...(pair?.currentRoundTripTime !== undefined && { roundTrip: pair.currentRoundTripTime }),
    ...(pair && { relayed: relayed(pair.localCandidateId) || relayed(pair.remoteCandidateId) }),
  };
}

function selectedPair(report, all) {
  const transport = all.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId);
  if (transport) return report.get(transport.selectedCandidatePairId);
  // Firefox marks the pair itself.
  return all.find(({ type, selected }) => type === 'candidate-pair' && selected);
}
