//! What the sockets cost: datagrams for each second of CPU with and without several in one call, and
//! memory for each idle network. Both ends run in this process, so the figures hold both.
//!
//! `cargo run --release -p peerhall-rtc --example datagrams`

#![allow(clippy::print_stdout, reason = "it is a report")]

use std::fs;
use std::time::{Duration, Instant};

use peerhall_rtc::net::{
    Allow, LocalCandidate, Loopback, NetEvent, Network, NetworkConfig, Offload, OpenError,
};

/// Datagrams on the way at a time: what fills a batch of the largest size.
const IN_FLIGHT: usize = 54;

/// Networks that are opened for the memory figure.
const NETWORKS: usize = 500;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for (name, offload) in
            [("one call for several", Offload::WhereSupported), ("one call each", Offload::Never)]
        {
            for size in [1_200, 100] {
                throughput(name, offload, size).await?;
            }
        }
        memory().await
    })
}

async fn throughput(name: &str, offload: Offload, size: usize) -> Result<(), Failed> {
    let config = NetworkConfig { offload, ..loopback() };
    let (mut from, source) = open(config.clone()).await?;
    let (mut to, target) = open(config).await?;
    let datagram = vec![0x80; size];
    let (cpu, start, mut received) = (cpu_seconds()?, Instant::now(), 0_u64);
    while start.elapsed() < Duration::from_secs(4) {
        for _ in 0..IN_FLIGHT {
            from.send(source.base(), target.base(), &datagram);
        }
        from.flush();
        let mut round = 0;
        while round < IN_FLIGHT {
            if let NetEvent::Packets(packets) = to.next().await {
                round += packets.datagrams.len();
            }
        }
        received += round as u64;
    }
    let cpu = cpu_seconds()? - cpu;
    let per_second = received as f64 / cpu;
    let megabytes = per_second * size as f64 / 1e6;
    println!("{name}, {size} bytes: {per_second:.0} datagrams ({megabytes:.0} MB) for each second of CPU");
    Ok(())
}

async fn memory() -> Result<(), Failed> {
    // What is allocated once for all of them.
    let first = open(loopback()).await?;
    let before = resident_kib()?;
    let mut networks = vec![first];
    for _ in 0..NETWORKS {
        networks.push(open(loopback()).await?);
    }
    let each = (resident_kib()? - before) as f64 / NETWORKS as f64;
    println!("{NETWORKS} idle networks of one socket each: {each:.1} KiB for each");
    Ok(())
}

async fn open(config: NetworkConfig) -> Result<(Network, LocalCandidate), OpenError> {
    let mut network = Network::open(config)?;
    network.gather();
    loop {
        if let NetEvent::Candidate(candidate) = network.next().await {
            return Ok((network, candidate));
        }
    }
}

fn loopback() -> NetworkConfig {
    let only = Allow::Address([127, 0, 0, 1].into());
    NetworkConfig { loopback: Loopback::Always, allow: vec![only], ..NetworkConfig::default() }
}

/// User and system time of this process so far. Linux counts it in hundredths of a second.
fn cpu_seconds() -> Result<f64, Failed> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |index: usize| {
        fields.get(index).ok_or("a short /proc/self/stat")?.parse::<f64>().map_err(Failed::from)
    };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

fn resident_kib() -> Result<i64, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim_end_matches("kB").trim().parse()?)
}
