// Lines of "Check my connection": what was checked, what was found, and for what is wrong its cure in one sentence.

export const good = (check, found) => ({ check, verdict: 'good', found });
export const unknown = (check, found) => ({ check, verdict: 'unknown', found });
export const warning = (check, found, cure) => ({ check, verdict: 'warning', found, cure });
export const bad = (check, found, cure) => ({ check, verdict: 'bad', found, cure });

/** What mends a relay that gives addresses where nothing arrives. */
export const RELAY_CURE = 'Open the relay\'s UDP ports (`turn.ports`), and name the public address in `turn.relay` if the server is behind a NAT.';
