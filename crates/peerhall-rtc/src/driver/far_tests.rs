//! Channels of two engines at the ends of a line that has a rate, a length and a queue, on a clock of its own: what
//! would take a test with a real line seconds, and what a busy machine does to one, is not felt here.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::channels::Channels;
use crate::channel::{Channel, DataChannelInit};
use crate::wake::{Wake, Work};

/// The bytes of an IPv4 and a UDP header, which take their time on a line too.
const HEADERS: usize = 28;

#[derive(Debug, Clone, Copy)]
struct Line {
    /// Bytes a second.
    rate: u32,
    /// From one end to the other.
    delay: Duration,
    /// Bytes that wait for the line; what comes while there are as many is lost.
    queue: usize,
}

/// One direction of a line.
struct Way {
    line: Line,
    free_at: Instant,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    /// Datagrams that found no room.
    lost: usize,
    /// Most bytes that ever waited.
    longest_queue: usize,
    /// Bytes that were sent, with those that were lost.
    sent: usize,
    /// How many of the next datagrams disappear.
    to_drop: usize,
}

impl Way {
    fn new(line: Line, now: Instant) -> Self {
        Self {
            line,
            free_at: now,
            under_way: VecDeque::new(),
            lost: 0,
            longest_queue: 0,
            sent: 0,
            to_drop: 0,
        }
    }

    fn send(&mut self, now: Instant, datagram: Vec<u8>) {
        let time_of = |bytes: usize| Duration::from_secs(1) * u32::try_from(bytes).unwrap() / self.line.rate;
        let begin = self.free_at.max(now);
        self.sent += datagram.len();
        if self.to_drop > 0 {
            self.to_drop -= 1;
            return;
        }
        let waiting = (begin - now).as_nanos() * u128::from(self.line.rate) / 1_000_000_000;
        let waiting = usize::try_from(waiting).unwrap();
        if waiting + datagram.len() > self.line.queue {
            self.lost += 1;
            return;
        }
        self.longest_queue = self.longest_queue.max(waiting + datagram.len());
        self.free_at = begin + time_of(datagram.len() + HEADERS);
        self.under_way.push_back((self.free_at + self.line.delay, datagram));
    }

    fn arrived(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.under_way.pop_front_if(|(at, _)| *at <= now).map(|(_, datagram)| datagram)
    }
}

struct End {
    rtc: Rtc,
    channels: Channels,
    wake: Arc<Wake>,
    address: SocketAddr,
    due: Instant,
}

impl End {
    fn new(port: u16, now: Instant) -> Self {
        let wake = Arc::new(Wake::default());
        let mut rtc = super::engine(1024 * 1024).build(now);
        let address = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), port));
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap()).unwrap();
        let channels = Channels::new(usize::MAX, usize::MAX, Arc::clone(&wake));
        Self { rtc, channels, wake, address, due: now }
    }

    fn drain(&mut self, now: Instant, out: &mut Way) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    self.due = at;
                    return;
                }
                Output::Transmit(transmit) => out.send(now, transmit.contents.to_vec()),
                Output::Event(Event::ChannelOpen(id, label)) => {
                    // Nobody reads it: what comes is counted, and no more.
                    drop(self.channels.opened(&mut self.rtc, id, label));
                }
                Output::Event(Event::ChannelData(data)) => self.channels.received(data),
                Output::Event(_) => {}
            }
        }
    }

    /// What follows from what has happened, as in a turn of the driver.
    fn turn(&mut self, now: Instant, out: &mut Way) {
        self.drain(now, out);
        for work in self.wake.take() {
            if let Work::Channel(key) = work {
                self.channels.has_work(key);
            }
        }
        self.channels.settle(&mut self.rtc, now);
        while self.channels.pump(&mut self.rtc, now) {
            self.drain(now, out);
        }
        self.channels.tell_handed();
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain(now, out);
    }
}

/// Two ends, the first of which has a channel to the second.
struct Pair {
    now: Instant,
    ends: [End; 2],
    ways: [Way; 2],
    channel: Channel,
}

impl Pair {
    fn over(line: Line) -> Self {
        let now = Instant::now();
        let mut ends = [End::new(1, now), End::new(2, now)];
        let [ours, theirs] = &mut ends;
        ours.rtc.add_remote_candidate(Candidate::host(theirs.address, "udp").unwrap());
        theirs.rtc.add_remote_candidate(Candidate::host(ours.address, "udp").unwrap());
        let mut change = ours.rtc.sdp_api();
        change.add_channel("placeholder".to_owned());
        let (offer, pending) = change.apply().unwrap();
        let answer = theirs.rtc.sdp_api().accept_offer(offer).unwrap();
        ours.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let channel =
            ours.channels.create(&mut ours.rtc, "far".to_owned(), DataChannelInit::default()).unwrap();
        let ways = [Way::new(line, now), Way::new(line, now)];
        let mut pair = Self { now, ends, ways, channel };
        pair.run_until("a channel", |pair| pair.channel.id().is_some());
        pair
    }

    /// Lets time pass up to the next thing that happens.
    fn step(&mut self) {
        let due = self.ends.iter().map(|end| end.due);
        let arrivals = self.ways.iter().filter_map(|way| way.under_way.front()).map(|(at, _)| *at);
        self.now = self.now.max(due.chain(arrivals).min().unwrap());
        for side in 0..2 {
            let other = 1 - side;
            let (source, destination) = (self.ends[other].address, self.ends[side].address);
            while let Some(datagram) = self.ways[other].arrived(self.now) {
                let receive = Receive::new(Protocol::Udp, source, destination, &datagram).unwrap();
                self.ends[side].rtc.handle_input(Input::Receive(self.now, receive)).unwrap();
                self.ends[side].drain(self.now, &mut self.ways[side]);
            }
            self.ends[side].turn(self.now, &mut self.ways[side]);
        }
    }

    fn run_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(600);
        while !is_so(self) {
            assert!(self.now < end, "no {what}");
            self.step();
        }
    }

    fn received(&self) -> u64 {
        self.ends[1].channels.stats().iter().map(|stats| stats.bytes_received).sum()
    }

    /// Sends so many bytes and says how long they took.
    fn send(&mut self, bytes: usize, message: usize) -> Duration {
        let (begin, before) = (self.now, self.received());
        for _ in 0..bytes / message {
            self.channel.try_send(vec![7; message]).unwrap();
        }
        let all = before + u64::try_from(bytes / message * message).unwrap();
        self.run_until("end of the messages", |pair| pair.received() == all);
        self.now - begin
    }
}

/// 100 Mbit/s over 25 ms: 625 KB are on the way there and back. The queue is short for them, 20 ms.
const FAR: Line = Line { rate: 12_500_000, delay: Duration::from_millis(25), queue: 256_000 };

const MEGABYTE: usize = 1_000_000;

fn time_for(bytes: usize, line: Line) -> Duration {
    Duration::from_secs_f64(bytes as f64 / f64::from(line.rate))
}

#[test]
fn a_far_peer_is_sent_what_its_line_carries() {
    for message in [1_000, 16_384, 60_000, 65_535] {
        let mut pair = Pair::over(FAR);
        pair.send(20 * MEGABYTE, message);
        let took = pair.send(20 * MEGABYTE, message);
        assert!(took < time_for(20 * MEGABYTE, FAR) * 5 / 4, "{took:?} with messages of {message} bytes");
        assert_eq!(pair.ways[0].lost, 0, "with messages of {message} bytes");
    }
}

#[test]
fn more_is_not_sent_to_where_it_would_only_wait() {
    let near = Line { rate: 125_000_000, delay: Duration::from_micros(100), queue: usize::MAX };
    let slow = Line { rate: 125_000, delay: Duration::from_millis(25), queue: usize::MAX };
    for line in [near, slow] {
        let mut pair = Pair::over(line);
        pair.send(1_000, 100);
        pair.send(10 * MEGABYTE, 16_384);
        let longest = pair.ways[0].longest_queue;
        assert!(longest < 200_000, "{longest} bytes waited for {line:?}");
    }
}

#[test]
fn what_is_lost_in_a_burst_is_sent_again_in_a_few_round_trips() {
    let mut pair = Pair::over(FAR);
    pair.send(20 * MEGABYTE, 16_384);
    let undisturbed = pair.send(5 * MEGABYTE, 16_384);
    let sent_before = pair.ways[0].sent;
    // In the middle of the next five, 150 at once.
    let (begin, before) = (pair.now, pair.received());
    for _ in 0..5 * MEGABYTE / 16_384 {
        pair.channel.try_send(vec![7; 16_384]).unwrap();
    }
    let all = before + u64::try_from(5 * MEGABYTE / 16_384 * 16_384).unwrap();
    pair.run_until("half of them", |pair| pair.received() > (before + all) / 2);
    pair.ways[0].to_drop = 150;
    pair.run_until("all of them", |pair| pair.received() == all);
    let took = pair.now - begin;
    assert!(took < undisturbed + FAR.delay * 2 * 20, "{took:?} instead of {undisturbed:?}");
    let sent = pair.ways[0].sent - sent_before;
    assert!(
        sent < 5 * MEGABYTE * 11 / 10 + 150 * 1_200,
        "{sent} bytes: some were sent more often than needed"
    );
}

#[test]
fn who_was_idle_does_not_send_a_whole_window_at_once() {
    let mut pair = Pair::over(FAR);
    pair.send(20 * MEGABYTE, 16_384);
    let idle_since = pair.now;
    pair.run_until("second", |pair| pair.now > idle_since + Duration::from_secs(1));
    pair.ways[0].longest_queue = 0;
    pair.send(600_000, 60_000);
    let longest = pair.ways[0].longest_queue;
    assert!(longest < 150_000, "{longest} bytes waited");
}

#[test]
fn what_is_on_its_way_leaves_room_for_more() {
    let mut pair = Pair::over(FAR);
    pair.send(20 * MEGABYTE, 16_384);
    // As labels do it, which keep no more than this waiting.
    let ceiling = 256 * 1024;
    let (begin, before) = (pair.now, pair.received());
    for _ in 0..10 * MEGABYTE / 16_384 {
        pair.run_until("room", |pair| pair.channel.buffered_amount() < ceiling);
        pair.channel.try_send(vec![7; 16_384]).unwrap();
    }
    pair.run_until("all of it", |pair| pair.received() - before >= 10 * MEGABYTE as u64 / 16_384 * 16_384);
    let took = pair.now - begin;
    assert!(took < time_for(10 * MEGABYTE, FAR) * 4 / 3, "{took:?}");
}
