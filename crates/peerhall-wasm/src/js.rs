//! The border. Values of the other side have numbers here (`packages/peerhall/src/values.js` keeps the list);
//! texts travel as UTF-16 through this side's memory, because that is what both sides count in.

#![expect(
    unsafe_code,
    reason = "imports and exports have to be declared; each import is safe to call, since the other side reads \
              and writes within the lengths that it is given, and gives no number 0 but for what is not there"
)]

use std::num::NonZeroU32;

use crate::engines;
use crate::value::Value;

/// The value that is not there.
pub(crate) const UNDEFINED: NonZeroU32 = NonZeroU32::MIN;
/// `null`.
pub(crate) const NULL: NonZeroU32 = UNDEFINED.saturating_add(1);
/// `false`.
pub(crate) const FALSE: NonZeroU32 = UNDEFINED.saturating_add(2);
/// `true`.
pub(crate) const TRUE: NonZeroU32 = UNDEFINED.saturating_add(3);

// A value that is not borrowed as a number is given away: the other side forgets its number when it is done.
#[link(wasm_import_module = "js")]
unsafe extern "C" {
    /// Forgets a number.
    pub(crate) safe fn release(value: u32);
    /// Another number for the same value.
    pub(crate) safe fn again(value: u32) -> Value;
    /// A text of so many UTF-16 units.
    pub(crate) safe fn text(units: *const u16, len: usize) -> Value;
    /// A number.
    pub(crate) safe fn number(value: f64) -> Value;
    /// A new object.
    pub(crate) safe fn object() -> Value;
    /// A new object with so many members. Their names are ASCII and end with a comma each, their values are
    /// given away.
    pub(crate) safe fn record(names: *const u8, len: usize, values: *const u32, count: usize) -> Value;
    /// A new list.
    pub(crate) safe fn list() -> Value;
    /// Sets a member of an object, unless it is undefined. The name is ASCII.
    pub(crate) safe fn set(object: u32, name: *const u8, len: usize, value: Value);
    /// Appends to a list.
    pub(crate) safe fn push(list: u32, value: Value);
    /// What a value is: 0 undefined or null, 1 truth value, 2 number, 3 text, 4 list, 5 object.
    pub(crate) safe fn kind(value: u32) -> u32;
    /// A member of an object; 0 unless it is its own and not undefined.
    pub(crate) safe fn get(object: u32, name: *const u8, len: usize) -> Option<Value>;
    /// An entry of a list.
    pub(crate) safe fn item(list: u32, index: usize) -> Value;
    /// UTF-16 units of a text, or entries of a list.
    pub(crate) safe fn len(value: u32) -> usize;
    /// Copies a text to where there is room for its length.
    pub(crate) safe fn copy(text: u32, units: *mut u16);
    /// The value of a number.
    pub(crate) safe fn float(number: u32) -> f64;
    /// Bytes of UTF-8 of the compact JSON text.
    pub(crate) safe fn size(value: u32) -> usize;
    /// Parses a text; 0 when it is not JSON.
    pub(crate) safe fn parse(text: u32) -> Option<Value>;
}

#[cfg(feature = "labelled")]
#[link(wasm_import_module = "js")]
unsafe extern "C" {
    /// A text of ASCII that stays where it is.
    pub(crate) safe fn word(at: *const u8, len: usize) -> Value;
    /// New bytes, copied from here.
    pub(crate) safe fn bytes(at: *const u8, len: usize) -> Value;
    /// Copies bytes to where there is room for their length.
    pub(crate) safe fn fill(bytes: u32, at: *mut u8);
}

/// Makes an engine; takes the options over.
#[unsafe(no_mangle)]
extern "C" fn open(options: Value) -> Value {
    engines::open(&options)
}

/// Does what a request says, `now` milliseconds after the engine's clock began; takes the request over.
#[unsafe(no_mangle)]
extern "C" fn call(engine: u32, now: f64, request: Value) -> Value {
    engines::call(engine, now, &request)
}

/// The next output.
#[unsafe(no_mangle)]
extern "C" fn poll(engine: u32) -> Value {
    engines::poll(engine)
}

/// The next moment at which something is due, in milliseconds of the engine's clock.
#[unsafe(no_mangle)]
extern "C" fn deadline(engine: u32) -> f64 {
    engines::deadline(engine)
}

/// Forgets an engine.
#[unsafe(no_mangle)]
extern "C" fn shut(engine: u32) {
    engines::shut(engine);
}
