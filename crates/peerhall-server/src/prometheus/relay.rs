//! The figures of the relay.

use peerhall_turn::{Counted, Dropped, Refusal};

use super::{Exposition, Kind};

/// Writes what the relay has counted.
pub(super) fn write(text: &mut Exposition, counted: &Counted) {
    text.gauge("peerhall_relay_allocations", "Relay allocations that live now.", counted.allocations);
    text.gauge("peerhall_relay_ports", "Relay ports that are open now.", counted.ports);
    text.gauge("peerhall_relay_streams", "Connections over TCP or TLS to the relay.", counted.streams);
    text.counter("peerhall_relay_allocations_total", "Relay allocations that were made.", counted.allocated);
    text.counter("peerhall_stun_bindings_total", "STUN binding requests answered.", counted.bindings);
    both(
        text,
        "peerhall_relay_packets_total",
        "Payloads that were relayed.",
        [counted.packets_to_peers, counted.packets_to_clients],
    );
    both(
        text,
        "peerhall_relay_bytes_total",
        "Bytes of payload that were relayed.",
        [counted.bytes_to_peers, counted.bytes_to_clients],
    );
    text.counter(
        "peerhall_relay_throttled_total",
        "Requests of strangers left unanswered because their address had been answered often enough.",
        counted.throttled,
    );
    const REFUSED: &str = "peerhall_relay_refusals_total";
    text.family(REFUSED, Kind::Counter, "Requests that were refused, by the code of the answer.");
    for refusal in Refusal::ALL {
        text.sample(REFUSED, &[("code", &refusal.code().to_string())], counted.refused(refusal));
    }
    const DROPPED: &str = "peerhall_relay_drops_total";
    text.family(DROPPED, Kind::Counter, "Payloads that went nowhere, by reason.");
    for reason in Dropped::ALL {
        text.sample(DROPPED, &[("reason", reason.as_str())], counted.dropped(reason));
    }
}

fn both(text: &mut Exposition, name: &str, help: &str, [to_peers, to_clients]: [u64; 2]) {
    text.family(name, Kind::Counter, help);
    text.sample(name, &[("to", "peer")], to_peers);
    text.sample(name, &[("to", "client")], to_clients);
}
