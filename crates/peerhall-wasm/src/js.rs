//! The border. Values of the other side have numbers here (`packages/peerhall/src/values.js` keeps the list);
//! texts travel as UTF-16 through this side's memory, because that is what both sides count in.

#![expect(
    unsafe_code,
    reason = "imports and exports have to be declared; each import is safe to call, since the other side reads \
              and writes within the lengths that it is given"
)]

use crate::engines;
use crate::value::Value;

/// The value that is not there.
pub(crate) const UNDEFINED: u32 = 0;
/// `null`.
pub(crate) const NULL: u32 = 1;
/// `false`.
pub(crate) const FALSE: u32 = 2;
/// `true`.
pub(crate) const TRUE: u32 = 3;

#[link(wasm_import_module = "js")]
unsafe extern "C" {
    /// Forgets a number.
    pub(crate) safe fn release(value: u32);
    /// Another number for the same value.
    pub(crate) safe fn again(value: u32) -> u32;
    /// A text of so many UTF-16 units.
    pub(crate) safe fn text(units: *const u16, len: usize) -> u32;
    /// A number.
    pub(crate) safe fn number(value: f64) -> u32;
    /// A new object.
    pub(crate) safe fn object() -> u32;
    /// A new object with so many members. Their names are ASCII and end with a comma each.
    pub(crate) safe fn record(names: *const u8, len: usize, values: *const u32, count: usize) -> u32;
    /// A new list.
    pub(crate) safe fn list() -> u32;
    /// Sets a member of an object. The name is ASCII.
    pub(crate) safe fn set(object: u32, name: *const u8, len: usize, value: u32);
    /// Appends to a list.
    pub(crate) safe fn push(list: u32, value: u32);
    /// What a value is: 0 undefined or null, 1 truth value, 2 number, 3 text, 4 list, 5 object.
    pub(crate) safe fn kind(value: u32) -> u32;
    /// A member of an object; undefined unless it is its own.
    pub(crate) safe fn get(object: u32, name: *const u8, len: usize) -> u32;
    /// An entry of a list.
    pub(crate) safe fn item(list: u32, index: usize) -> u32;
    /// UTF-16 units of a text, or entries of a list.
    pub(crate) safe fn len(value: u32) -> usize;
    /// Copies a text to where there is room for its length.
    pub(crate) safe fn copy(text: u32, units: *mut u16);
    /// The value of a number.
    pub(crate) safe fn float(number: u32) -> f64;
    /// Bytes of UTF-8 of the compact JSON text.
    pub(crate) safe fn size(value: u32) -> usize;
    /// Parses a text; undefined when it is not JSON.
    pub(crate) safe fn parse(text: u32) -> u32;
}

/// Makes an engine; takes the options over.
#[unsafe(no_mangle)]
extern "C" fn open(options: u32) -> u32 {
    engines::open(&Value::from_raw(options)).into_raw()
}

/// Does what a request says, `now` milliseconds after the engine's clock began; takes the request over.
#[unsafe(no_mangle)]
extern "C" fn call(engine: u32, now: f64, request: u32) -> u32 {
    engines::call(engine, now, &Value::from_raw(request)).into_raw()
}

/// The next output.
#[unsafe(no_mangle)]
extern "C" fn poll(engine: u32) -> u32 {
    engines::poll(engine).into_raw()
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
