//! Ten thousand clients in rooms of four, ten simulated minutes, with faults all the time: how long does
//! one core think about it? `cargo run --release -p peerhall-sim --example crowd [clients] [minutes] [seed]`

use std::error::Error;
use std::time::{Duration, Instant};

use peerhall_core::PeerState;
use peerhall_sim::{ActorId, Lab, LabOptions};

/// Members of one room.
const ROOM: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    let (clients, minutes, seed) = (number(10_000)?, number(10)?, number(1)?);
    let began = Instant::now();
    let mut lab = Lab::new(LabOptions::seeded(seed).records(false));
    let mut rng = fastrand::Rng::with_seed(seed);
    let crowd: Vec<ActorId> = (0..usize::try_from(clients)?)
        .map(|n| {
            let who = lab.peer(&format!("c{n}"));
            lab.add_track(who, &format!("mic-{n}"), Some("voice"), None);
            lab.join(who, &format!("room-{}", n / ROOM));
            who
        })
        .collect();
    let seconds = minutes * 60;
    for second in 0..seconds {
        misfortune(&mut lab, &mut rng, &crowd, second, seconds);
        lab.run_for(Duration::from_secs(1));
    }
    let taken = began.elapsed();
    let joined = crowd.iter().filter(|who| lab.state(**who) == PeerState::Joined).count();
    let events = lab.events();
    println!("{clients} clients, {minutes} simulated minutes, seed {seed}: {:.1} s", taken.as_secs_f64());
    println!("{events} events, {joined} joined at the end, {} connections", lab.connections());
    if let Some(broken) = lab.broken().first() {
        return Err(broken.as_str().into());
    }
    Ok(())
}

/// One in a thousand loses its socket every second, some become half-open, media fails here and there,
/// and in the middle the server's process dies for three seconds. The last minute is quiet.
fn misfortune(lab: &mut Lab, rng: &mut fastrand::Rng, crowd: &[ActorId], second: u64, seconds: u64) {
    if second == seconds / 2 {
        lab.crash();
    } else if second == seconds / 2 + 3 {
        lab.start_server();
    }
    if second + 60 >= seconds {
        if second + 60 == seconds {
            lab.end_faults();
        }
        return;
    }
    for _ in 0..crowd.len() / 1_000 {
        let mut any = || crowd.get(rng.usize(..crowd.len())).copied();
        if let Some(who) = any() {
            lab.cut(who);
        }
        if let Some(who) = any().filter(|_| second.is_multiple_of(10)) {
            lab.stall(who);
        }
        if let Some(who) = any().filter(|_| second.is_multiple_of(20)) {
            lab.isolate_media(who, true);
        }
        if let Some(who) = any().filter(|_| second.is_multiple_of(5)) {
            lab.isolate_media(who, false);
        }
    }
}
