//! Names ending in `.local`, with which browsers hide their addresses (RFC 6762).

mod message;
mod multicast;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use self::message::{Answer, LocalName};
use self::multicast::Group;

/// How long a browser on the same network may take: one that sleeps answers the repeated question.
pub const USUAL_LIMIT: Duration = Duration::from_secs(3);

/// Most questions at a time in one process; the others wait within their own limits. Each has a
/// socket or two.
const MAX_QUESTIONS: usize = 16;

/// Pause before the question is repeated (RFC 6762 section 5.2: a second at least, then doubling).
const REPEAT_AFTER: Duration = Duration::from_secs(1);

/// Most names that are remembered.
const MAX_REMEMBERED: usize = 256;

/// Longest time a name is remembered, whatever the answer says: what browsers use.
const MAX_TTL: Duration = Duration::from_secs(120);

static QUESTIONS: Semaphore = Semaphore::const_new(MAX_QUESTIONS);
static REMEMBERED: OnceLock<Mutex<HashMap<LocalName, Remembered>>> = OnceLock::new();

#[derive(Debug, Clone, Copy)]
struct Remembered {
    ip: IpAddr,
    until: Instant,
}

/// Asks the local network for the address behind `name`, which is one label and `.local`. `None`
/// when it is no such name, when nobody answers within `limit`, or when this machine cannot
/// multicast. Machines of the local network and this one itself are heard.
///
/// # Cancel safety
///
/// Dropping the future gives the question up.
pub async fn resolve(name: &str, limit: Duration) -> Option<IpAddr> {
    let name = LocalName::parse(name)?;
    if let Some(ip) = remembered(&name) {
        return Some(ip);
    }
    timeout(limit, ask(&name)).await.ok().flatten()
}

async fn ask(name: &LocalName) -> Option<IpAddr> {
    let _permit = QUESTIONS.acquire().await.ok()?;
    // Another question for this name may have been answered while this one waited.
    if let Some(ip) = remembered(name) {
        return Some(ip);
    }
    let group = Group::join()?;
    let questions = name.questions();
    let mut pause = REPEAT_AFTER;
    loop {
        questions.iter().for_each(|question| group.send(question));
        tokio::select! {
            answer = first_answer(&group, name) => {
                remember(name, answer);
                return Some(answer.ip);
            }
            () = sleep(pause) => pause *= 2,
        }
    }
}

async fn first_answer(group: &Group, name: &LocalName) -> Answer {
    loop {
        if let Some(answer) = name.answer_in(&group.receive().await) {
            return answer;
        }
    }
}

fn remembered(name: &LocalName) -> Option<IpAddr> {
    let remembered = REMEMBERED.get()?.lock().unwrap_or_else(PoisonError::into_inner);
    let found = remembered.get(name)?;
    (Instant::now() < found.until).then_some(found.ip)
}

fn remember(name: &LocalName, answer: Answer) {
    let now = Instant::now();
    let mut remembered =
        REMEMBERED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if remembered.len() >= MAX_REMEMBERED {
        remembered.retain(|_, entry| now < entry.until);
    }
    if remembered.len() < MAX_REMEMBERED {
        remembered.insert(name.clone(), Remembered { ip: answer.ip, until: now + answer.ttl.min(MAX_TTL) });
    }
}
