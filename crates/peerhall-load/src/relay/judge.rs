//! What is asked of the relay, and what came out.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::client::{Client, stranger};
use super::flow::{Flow, Way, Window};
use super::server::{Kind, Server};
use crate::error::LoadError;
use crate::machine;
use crate::window::median;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program that serves as our relay.
    pub program: PathBuf,
    /// Pairs of windows behind a ratio. Default 7.
    pub pairs: usize,
    /// Length of a window in seconds. Default 1.
    pub seconds: f64,
    /// Payloads offered in a second. Default 40,000.
    pub packets_per_second: f64,
    /// Allocations that are held at once. Default 10,000.
    pub allocations: usize,
    /// Ports from which strangers ask. Default 60,000.
    pub strangers: u16,
    /// Allocations that are asked for at 1,000 in a second. Default 4,000.
    pub asked: usize,
    /// Cores of the servers and of the clients.
    pub cores: Vec<usize>,
}

impl Plan {
    /// The defaults.
    #[must_use]
    pub fn with(program: PathBuf) -> Self {
        Self {
            program,
            pairs: 7,
            seconds: 1.0,
            packets_per_second: 40_000.0,
            allocations: 10_000,
            strangers: 60_000,
            asked: 4_000,
            cores: Vec::new(),
        }
    }
}

/// One figure with what was asked.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// Unit of the next two.
    pub unit: &'static str,
    /// Ours.
    pub ours: f64,
    /// coturn's.
    pub coturn: f64,
    /// The least and the greatest ratio of a pair, ours to coturn's, where there are pairs.
    pub range: Option<(f64, f64)>,
    /// What is judged: the ratio of ours to coturn's in the median, or ours.
    pub judged: f64,
    /// The most it may be.
    pub at_most: f64,
    /// What ours lost of what was sent.
    pub lost: u64,
    /// What coturn lost.
    pub coturn_lost: u64,
}

impl Figure {
    /// Whether it is what was asked.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        self.judged <= self.at_most
    }

    /// One line with the verdict.
    #[must_use]
    pub fn line(&self) -> String {
        let verdict = if self.is_pass() { "PASS" } else { "FAIL" };
        let Self { name, unit, ours, coturn, judged, at_most, .. } = self;
        let beside = format!("{verdict} {name}: {ours:.2} {unit}, coturn {coturn:.2}");
        match self.range {
            Some((low, high)) => format!(
                "{beside}; {judged:.2} x [{low:.2} to {high:.2}], at most {at_most:.2} asked; lost {} and {}",
                self.lost, self.coturn_lost
            ),
            None => format!("{beside}; at most {at_most:.2} asked"),
        }
    }
}

/// Measures everything, and hands out each figure as soon as it is known.
///
/// # Errors
///
/// What could not be measured, and why.
pub fn judge(plan: &Plan, mut each: impl FnMut(&Figure)) -> Result<(), LoadError> {
    let _ = machine::raise_descriptor_limit();
    for (name, way) in [
        ("CPU for a 1,200-byte packet from ChannelData to a peer", Way::ToPeers),
        ("CPU for a 1,200-byte packet from a peer to ChannelData", Way::ToClients),
    ] {
        each(&packets(plan, name, way)?);
    }
    each(&memory(plan)?);
    each(&flood(plan)?);
    each(&latency(plan)?);
    Ok(())
}

fn both(plan: &Plan) -> Result<[Server; 2], LoadError> {
    Ok([Server::start(Kind::Peerhall, &plan.program)?, Server::start(Kind::Coturn, &plan.program)?])
}

fn packets(plan: &Plan, name: &'static str, way: Way) -> Result<Figure, LoadError> {
    let [ours, theirs] = both(plan)?;
    let (our_flow, their_flow) = (Flow::through(&ours)?, Flow::through(&theirs)?);
    let window = |flow: &Flow, server: &Server, seconds: f64| {
        flow.window(way, plan.packets_per_second, seconds, server, &plan.cores)
    };
    // The first window of a server is not like the others.
    window(&our_flow, &ours, plan.seconds / 4.0)?;
    window(&their_flow, &theirs, plan.seconds / 4.0)?;
    let mut pairs = Vec::with_capacity(plan.pairs);
    for _ in 0..plan.pairs {
        pairs.push([window(&our_flow, &ours, plan.seconds)?, window(&their_flow, &theirs, plan.seconds)?]);
    }
    let unknown = || LoadError::Output("this system does not tell what a process costs".to_owned());
    let costs = |place: usize| pairs.iter().filter_map(|pair| pair.get(place)?.cost()).collect::<Vec<f64>>();
    let (our_costs, their_costs) = (costs(0), costs(1));
    let ratios: Vec<f64> = our_costs.iter().zip(&their_costs).map(|(ours, theirs)| ours / theirs).collect();
    let lost = |place: usize| {
        let lost = |window: &Window| window.sent.saturating_sub(window.arrived);
        pairs.iter().filter_map(|pair| pair.get(place)).map(lost).sum()
    };
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = ratios.iter().copied().fold(0.0, f64::max);
    Ok(Figure {
        name,
        unit: "µs",
        ours: median(our_costs.into_iter().map(Some)).ok_or_else(unknown)?,
        coturn: median(their_costs.into_iter().map(Some)).ok_or_else(unknown)?,
        range: Some((least, greatest)),
        judged: median(ratios.into_iter().map(Some)).ok_or_else(unknown)?,
        at_most: 0.8,
        lost: lost(0),
        coturn_lost: lost(1),
    })
}

fn memory(plan: &Plan) -> Result<Figure, LoadError> {
    let hold = |kind| -> Result<f64, LoadError> {
        let server = Server::start(kind, &plan.program)?;
        let mut clients = Vec::with_capacity(plan.allocations);
        for number in 0..plan.allocations {
            let mut client = Client::to(server.address())?;
            client.challenge(&server.user(number / 32))?;
            client.allocate()?;
            clients.push(client);
        }
        Ok(server.resident_kib()? as f64 / 1_024.0)
    };
    let (ours, coturn) = (hold(Kind::Peerhall)?, hold(Kind::Coturn)?);
    Ok(alone("memory of the relay with 10,000 allocations", "MiB", ours, coturn, 64.0))
}

fn flood(plan: &Plan) -> Result<Figure, LoadError> {
    let request = stranger()?;
    let attack = |kind| -> Result<f64, LoadError> {
        let server = Server::start(kind, &plan.program)?;
        let before = server.resident_kib()?;
        let first = u16::MAX - plan.strangers;
        for port in first..u16::MAX {
            // Somebody has the port: one stranger less.
            let Ok(socket) = UdpSocket::bind((server.address().ip(), port)) else { continue };
            socket.send_to(&request, server.address()).map_err(LoadError::system("send to the relay"))?;
            if port % 64 == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        // It still answers, so everything before was taken in.
        Client::to(server.address())?.challenge(&server.user(0))?;
        Ok(server.resident_kib()?.saturating_sub(before) as f64 / 1_024.0)
    };
    let (ours, coturn) = (attack(Kind::Peerhall)?, attack(Kind::Coturn)?);
    Ok(alone("memory added by strangers from 60,000 ports", "MiB", ours, coturn, 16.0))
}

fn latency(plan: &Plan) -> Result<Figure, LoadError> {
    let ask = |kind| -> Result<f64, LoadError> {
        let server = Server::start(kind, &plan.program)?;
        let mut clients = Vec::with_capacity(plan.asked);
        for number in 0..plan.asked {
            let mut client = Client::to(server.address())?;
            client.challenge(&server.user(number / 32))?;
            clients.push(client);
        }
        let begin = Instant::now();
        let mut took = Vec::with_capacity(plan.asked);
        for (number, client) in clients.iter().enumerate() {
            let due = begin + Duration::from_millis(number as u64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            took.push(client.allocate()?.1);
        }
        took.sort_unstable();
        let place = took.len() * 99 / 100;
        Ok(took.get(place).map_or(f64::INFINITY, |took| took.as_secs_f64() * 1e3))
    };
    let (ours, coturn) = (ask(Kind::Peerhall)?, ask(Kind::Coturn)?);
    Ok(alone("allocation answered, p99 at 1,000 in a second", "ms", ours, coturn, 1.0))
}

fn alone(name: &'static str, unit: &'static str, ours: f64, coturn: f64, at_most: f64) -> Figure {
    Figure { name, unit, ours, coturn, range: None, judged: ours, at_most, lost: 0, coturn_lost: 0 }
}
