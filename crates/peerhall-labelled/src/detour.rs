//! The way through the server, for want of a connection: who goes it, since when, and what is said about that.
//!
//! | file | its job |
//! |---|---|
//! | `channels.rs` | the channels of the present stay, for the session |
//! | `stay.rs` | one stay on this way: its channels, and what may be under way |
//! | `record.rs` | what happens on channels, as a stream of bytes |
//! | `word.rs` | what one text says |
//! | `text.rs` | bytes as text |
//!
//! Whoever has no connection says hello. Both go this way once each has heard a hello of the other, under two
//! numbers that name this stay and no other, so that nothing of an earlier one counts. Whoever has a connection
//! again says goodbye, and both leave.

mod channels;
mod record;
mod stay;
mod text;
mod word;

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::{CutOff, DirectError};
use stay::{Heard, Stay};
use word::{What, Word};

pub(crate) use record::Record;

/// Texts that the server has not answered for. More would only wait for their turn elsewhere.
const MAX_UNANSWERED: usize = 4;

/// Texts that wait, here or for the server's answer, when nothing more is said about a stay.
const MAX_WORDS: usize = 16;

/// How long a hello waits for the first time; twice as long each time after.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Longest time from one hello to the next.
const ASK_SELDOM: Duration = Duration::from_secs(60);

/// How long who still has no connection gives one time to come after the other side has said goodbye: both mostly
/// see it at about the same moment.
const REJOIN: Duration = Duration::from_secs(5);

/// How long the other side may say nothing after the beginning of a stay, in which both sides have something to say
/// at once.
const SILENCE: Duration = Duration::from_secs(30);

/// How long the other side may leave the window full before a word asks the server whether it still takes texts and
/// whether the other side is still there: who met the quota first could not say so.
const ASK_SERVER: Duration = Duration::from_secs(2);

/// How long after a goodbye it is said again, in case that it was lost, and how often. Until it has arrived, the other
/// side sends what nobody takes.
const FAREWELL: Duration = Duration::from_secs(20);
const FAREWELLS: u8 = 2;

/// How long nothing is said to a server that takes nothing more in this period.
const QUOTA_PAUSE: Duration = Duration::from_secs(300);

/// Tells one number from the next: 2^64 divided by the golden ratio spreads them.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What this side knows of the way through the server to one other.
#[derive(Debug)]
pub(crate) struct Detour {
    /// Where the numbers of this side come from.
    seed: u64,
    /// Whether the peer below finds no connection.
    wanted: bool,
    state: State,
    /// Letters of a text.
    room: usize,
    /// Words about the stay, which wait for nothing.
    words: VecDeque<Word>,
    /// The last goodbye, if it may not have arrived.
    farewell: Option<Farewell>,
    unanswered: usize,
    /// Number of the next text.
    next_text: u64,
    /// The first text that the present state has anything to do with.
    first_text: u64,
    /// It was told that the server takes nothing more.
    over_quota: bool,
}

/// A goodbye that may get lost.
#[derive(Debug)]
struct Farewell {
    from: u64,
    to: u64,
    /// When it is said again, and how often.
    again: Duration,
    times: u8,
}

#[derive(Debug)]
enum State {
    /// Nobody wants it.
    Idle,
    /// It is wanted, and the other side has not said hello.
    Asking { own: u64, again: Duration, wait: Duration },
    /// Both go it. The other side may owe something.
    Together { stay: Box<Stay>, owed: Option<Owed> },
}

/// The other side is to say something on a stay.
#[derive(Debug, Clone, Copy)]
struct Owed {
    /// When the server is asked about it.
    ask: Option<Duration>,
    /// From when on the stay is no good.
    until: Duration,
}

impl Owed {
    fn since(now: Duration) -> Self {
        Self { ask: Some(now + ASK_SERVER), until: now + SILENCE }
    }
}

/// What follows for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Stay,
    /// From now on everything goes through the server, on channels that are to be made anew.
    Enter,
    /// Not any more.
    Leave,
    /// The same, because the server takes nothing more.
    LeaveOverQuota,
}

impl Detour {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            wanted: false,
            state: State::Idle,
            room: 0,
            words: VecDeque::new(),
            farewell: None,
            unanswered: 0,
            next_text: 0,
            first_text: 0,
            over_quota: false,
        }
    }

    /// There is no connection, and a text may have so many letters; or there is one.
    pub(crate) fn want(&mut self, now: Duration, room: Option<usize>) -> Turn {
        self.wanted = room.is_some();
        self.room = room.unwrap_or(self.room);
        match (&self.state, self.wanted) {
            (State::Idle, true) => {
                self.ask(ASK_AGAIN, now);
                self.due(now)
            }
            (State::Asking { .. } | State::Together { .. }, true) => Turn::Stay,
            (State::Idle | State::Asking { .. } | State::Together { .. }, false) => self.leave(now),
        }
    }

    /// Leaves, because there is a connection.
    pub(crate) fn leave(&mut self, now: Duration) -> Turn {
        if let Some(stay) = self.stay() {
            let (from, to) = (stay.own(), stay.other());
            self.farewell = Some(Farewell { from, to, again: now + FAREWELL, times: FAREWELLS });
            self.say(Word { from, to, what: What::Bye });
        }
        self.rest()
    }

    /// Leaves for good, with one goodbye.
    pub(crate) fn end(&mut self, now: Duration) {
        self.leave(now);
        self.farewell = None;
    }

    /// There is a path: who goes this way for the other side's sake alone leaves it.
    pub(crate) fn path_found(&mut self, now: Duration) -> Turn {
        if self.wanted { Turn::Stay } else { self.leave(now) }
    }

    /// Leaves, and says hello again under another number if this way is still wanted: what is between the two
    /// begins anew.
    pub(crate) fn begin_anew(&mut self, now: Duration) -> Turn {
        let turn = self.rest();
        if self.wanted {
            self.ask(ASK_AGAIN, now);
        }
        turn
    }

    /// The way to the server may be another: who waits for the other side asks at once.
    pub(crate) fn hurry(&mut self, now: Duration) {
        if let State::Asking { again, wait, .. } = &mut self.state {
            (*again, *wait) = (now, ASK_AGAIN);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        let hello = match self.state {
            State::Asking { again, .. } => Some(again),
            State::Together { owed, .. } => owed.map(|owed| owed.ask.unwrap_or(owed.until)),
            State::Idle => None,
        };
        hello.into_iter().chain(self.farewell.as_ref().map(|farewell| farewell.again)).min()
    }

    /// Time has passed.
    pub(crate) fn due(&mut self, now: Duration) -> Turn {
        if let Some(farewell) = self.farewell.take_if(|farewell| now >= farewell.again) {
            self.say(Word { from: farewell.from, to: farewell.to, what: What::Bye });
            let times = farewell.times - 1;
            self.farewell = (times > 0).then_some(Farewell { again: now + FAREWELL, times, ..farewell });
        }
        match &mut self.state {
            State::Asking { own, again, wait } if now >= *again => {
                *again = now + *wait;
                *wait = (*wait * 2).min(ASK_SELDOM);
                let (own, wants) = (*own, self.wanted);
                self.say(Word { from: own, to: 0, what: What::Hello { wants } });
                Turn::Stay
            }
            State::Together { owed: Some(owed), .. } if now >= owed.until => self.lost(now),
            State::Together { stay, owed: Some(owed) } => {
                let word = stay.question();
                if owed.ask.take_if(|ask| now >= *ask).is_some() {
                    self.say(word);
                }
                Turn::Stay
            }
            State::Idle | State::Asking { .. } | State::Together { owed: None, .. } => Turn::Stay,
        }
    }

    /// A text came; what it brings is taken with [`next_record`](Self::next_record). The answer may have so many
    /// letters.
    pub(crate) fn hear(&mut self, now: Duration, text: &str, room: usize) -> Result<Turn, CutOff> {
        self.room = room;
        let Word { from, to, what } = Word::read(text)?;
        match what {
            What::Hello { wants } => Ok(self.hello(now, from, to, wants)),
            What::Piece { number, taken, bytes } => match self.stay_of(from, to) {
                Some(stay) => match stay.piece(number, taken, &bytes)? {
                    Heard::Taken => Ok(Turn::Stay),
                    Heard::Gap => Ok(self.lost(now)),
                },
                None => {
                    self.not_here(from);
                    Ok(Turn::Stay)
                }
            },
            What::Taken(taken) => {
                match self.stay_of(from, to) {
                    Some(stay) => stay.told(taken)?,
                    None => self.not_here(from),
                }
                Ok(Turn::Stay)
            }
            What::Bye => Ok(self.goodbye(now, from, to)),
        }
    }

    /// What came of a text.
    pub(crate) fn answered(&mut self, now: Duration, number: u64, result: Result<(), DirectError>) -> Turn {
        self.unanswered = self.unanswered.saturating_sub(1);
        match result {
            Ok(()) => {
                self.over_quota = false;
                Turn::Stay
            }
            // Of a stay that is over, or of a goodbye.
            Err(_) if number < self.first_text || matches!(self.state, State::Idle) => Turn::Stay,
            Err(DirectError::Lost) => self.lost(now),
            Err(DirectError::OverQuota) => {
                self.rest();
                self.ask(ASK_SELDOM, now + QUOTA_PAUSE);
                let told = std::mem::replace(&mut self.over_quota, true);
                if told { Turn::Leave } else { Turn::LeaveOverQuota }
            }
        }
    }

    /// The next text for the driver, with its number.
    pub(crate) fn next_text(&mut self, now: Duration) -> Option<(u64, String)> {
        let word = match self.words.pop_front() {
            Some(word) => word,
            None if self.unanswered >= MAX_UNANSWERED => return None,
            None => self.next_word(now)?,
        };
        let number = self.next_text;
        self.next_text += 1;
        self.unanswered += 1;
        Some((number, word.write()))
    }

    /// What the stay has to say. Once the server has all that the window holds, the other side owes a word.
    fn next_word(&mut self, now: Duration) -> Option<Word> {
        let (room, waits) = (self.room, self.unanswered > 0);
        let State::Together { stay, owed } = &mut self.state else { return None };
        let word = stay.next_word(room, waits);
        if word.is_none() && !waits && stay.is_full() {
            owed.get_or_insert(Owed::since(now));
        }
        word
    }

    fn hello(&mut self, now: Duration, from: u64, to: u64, wants: bool) -> Turn {
        let (own, other) = match &self.state {
            State::Idle => (None, None),
            State::Asking { own, .. } => (Some(*own), None),
            State::Together { stay, .. } => (Some(stay.own()), Some(stay.other())),
        };
        if from == 0 || (to != 0 && own != Some(to)) {
            // To a stay that is over.
            self.not_here(from);
            return Turn::Stay;
        }
        if !wants && !self.wanted {
            let turn = self.rest();
            self.not_here(from);
            return turn;
        }
        let own = own.unwrap_or_else(|| self.number());
        if to == 0 {
            // It knows the number of this side from nobody else.
            let wants = self.wanted;
            self.say(Word { from: own, to: from, what: What::Hello { wants } });
        }
        if other == Some(from) {
            return Turn::Stay;
        }
        self.rest();
        let stay = Box::new(Stay::new(own, from));
        self.state = State::Together { stay, owed: Some(Owed::since(now)) };
        Turn::Enter
    }

    fn goodbye(&mut self, now: Duration, from: u64, to: u64) -> Turn {
        let concerned = match &self.state {
            State::Idle => false,
            State::Asking { own, .. } => *own == to,
            State::Together { stay, .. } => stay.own() == to && (from == 0 || stay.other() == from),
        };
        if !concerned {
            return Turn::Stay;
        }
        let wait = if let State::Asking { wait, .. } = self.state { wait.max(REJOIN) } else { REJOIN };
        let turn = self.rest();
        if self.wanted {
            self.ask(wait, now + wait);
        }
        turn
    }

    /// Something of this stay was lost, or a hello: it begins anew after a while, also for the other side's sake.
    pub(crate) fn lost(&mut self, now: Duration) -> Turn {
        if matches!(self.state, State::Asking { .. }) {
            return Turn::Stay;
        }
        let turn = self.rest();
        self.ask(ASK_AGAIN, now + ASK_AGAIN);
        turn
    }

    /// Who believes to be together with this side under other numbers is told that it is not. While this side
    /// wants the way itself, its own hello says so.
    fn not_here(&mut self, from: u64) {
        if !self.wanted && from != 0 && !matches!(self.state, State::Asking { .. }) {
            self.say(Word { from: 0, to: from, what: What::Bye });
        }
    }

    fn ask(&mut self, wait: Duration, again: Duration) {
        let own = self.number();
        self.first_text = self.next_text;
        self.state = State::Asking { own, again, wait };
    }

    /// Goes this way no more, and says nothing.
    fn rest(&mut self) -> Turn {
        self.first_text = self.next_text;
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Together { .. } => Turn::Leave,
            State::Idle | State::Asking { .. } => Turn::Stay,
        }
    }

    /// Asks whether the server still takes texts, and whether the other side is still there.
    pub(crate) fn ask_server(&mut self) {
        if let Some(word) = self.stay().map(|stay| stay.question()) {
            self.say(word);
        }
    }

    /// Who asks faster than the server takes the answers gets none for a while, and asks again.
    fn say(&mut self, word: Word) {
        if self.words.len() + self.unanswered < MAX_WORDS {
            self.words.push_back(word);
        }
    }

    /// A number that no other stay of this side has; never 0.
    fn number(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(SPREAD);
        self.seed.max(1)
    }

    fn stay(&mut self) -> Option<&mut Stay> {
        match &mut self.state {
            State::Together { stay, .. } => Some(stay),
            State::Idle | State::Asking { .. } => None,
        }
    }

    /// The stay that the other side speaks of.
    fn stay_of(&mut self, from: u64, to: u64) -> Option<&mut Stay> {
        let State::Together { stay, owed } = &mut self.state else { return None };
        if stay.own() != to || stay.other() != from {
            return None;
        }
        *owed = None;
        Some(stay)
    }
}
