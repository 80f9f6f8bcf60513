//! All engines of a page, by number.

#[cfg(feature = "room")]
use peerhall_core::Peer;
use peerhall_core::{Signalling, Time};
use std::cell::RefCell;
use std::mem::ManuallyDrop;

#[cfg(feature = "labelled")]
use crate::{file_code, labels::Labels};
#[cfg(feature = "labelled")]
use peerhall_core::Json;

#[cfg(feature = "room")]
use crate::peer;
use crate::value::{Value, millis, record};
use crate::{client, options, output};

/// Memory for all engines. The standard one takes three times the room in the module.
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

thread_local! {
    /// Never dropped: they are there as long as the page.
    static ENGINES: ManuallyDrop<RefCell<Vec<Option<Engine>>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// A client of channels, or a member of one.
enum Engine {
    Client(Box<Signalling<Value>>),
    #[cfg(feature = "room")]
    Peer(Box<Peer<Value>>),
    /// A member whose connections carry labelled channels.
    #[cfg(feature = "labelled")]
    Labelled(Box<Peer<Value>>, Box<Labels>),
}

impl Engine {
    fn new(options: &Value) -> Result<Self, Value> {
        #[cfg(feature = "room")]
        if options.flag("room") {
            let (made, policy) = options::peer(options)?;
            let mut peer = Peer::new(made);
            peer.set_transport_policy(policy);
            #[cfg(feature = "labelled")]
            if options.flag("labelled") {
                let labels = Labels::new(options)?;
                labels.introduce(&mut peer);
                return Ok(Self::Labelled(Box::new(peer), Box::new(labels)));
            }
            return Ok(Self::Peer(Box::new(peer)));
        }
        Ok(Self::Client(Box::new(Signalling::new(options::signalling(options)?))))
    }

    fn call(&mut self, now: Time, request: &Value) -> Value {
        let what = request.text("do");
        match self {
            Self::Client(engine) => client::call(engine, now, &what, request),
            #[cfg(feature = "room")]
            Self::Peer(engine) => peer::call(engine, now, &what, request),
            #[cfg(feature = "labelled")]
            Self::Labelled(engine, labels) => labels.call(engine, now, &what, request),
        }
    }

    fn poll(&mut self) -> Option<Value> {
        let output = match self {
            Self::Client(engine) => engine.poll_output(),
            #[cfg(feature = "room")]
            Self::Peer(engine) => engine.poll_output(),
            #[cfg(feature = "labelled")]
            Self::Labelled(engine, labels) => return labels.poll(engine),
        };
        output.map(output::describe)
    }

    fn deadline(&self) -> Option<Time> {
        match self {
            Self::Client(engine) => engine.deadline(),
            #[cfg(feature = "room")]
            Self::Peer(engine) => engine.deadline(),
            #[cfg(feature = "labelled")]
            Self::Labelled(engine, labels) => labels.deadline(engine),
        }
    }
}

/// Makes an engine: `{engine}`, or `{error}` when the options cannot work. Where there is a `code` of files instead,
/// which needs no engine: `{code}`, if anything follows from it.
pub(crate) fn open(options: &Value) -> Value {
    #[cfg(feature = "labelled")]
    if let Some(code) = options.text_at("code") {
        return record! { "code": file_code::asked(&code, options) };
    }
    match Engine::new(options) {
        Ok(engine) => record! { "engine": place(engine) },
        Err(error) => record! { "error": error },
    }
}

/// Does what a request says.
pub(crate) fn call(number: u32, now: f64, request: &Value) -> Value {
    let now = Time::after_start(millis(now));
    with(number, |engine| engine.call(now, request)).unwrap_or_else(Value::undefined)
}

/// The next output.
pub(crate) fn poll(number: u32) -> Value {
    with(number, Engine::poll).flatten().into()
}

/// The next moment at which something is due, in milliseconds.
pub(crate) fn deadline(number: u32) -> f64 {
    let deadline = with(number, |engine| engine.deadline()).flatten();
    deadline.map_or(f64::INFINITY, |time| time.since_start().as_secs_f64() * 1_000.0)
}

/// Forgets an engine.
pub(crate) fn shut(number: u32) {
    let gone = ENGINES.with(|engines| engines.borrow_mut().get_mut(number as usize).and_then(Option::take));
    drop(gone);
}

/// Puts an engine where there is room.
fn place(engine: Engine) -> usize {
    ENGINES.with(|engines| {
        let mut engines = engines.borrow_mut();
        match engines.iter_mut().enumerate().find(|(_, slot)| slot.is_none()) {
            Some((number, slot)) => {
                *slot = Some(engine);
                number
            }
            None => {
                engines.push(Some(engine));
                engines.len() - 1
            }
        }
    })
}

fn with<T>(number: u32, act: impl FnOnce(&mut Engine) -> T) -> Option<T> {
    ENGINES.with(|engines| engines.borrow_mut().get_mut(number as usize)?.as_mut().map(act))
}
