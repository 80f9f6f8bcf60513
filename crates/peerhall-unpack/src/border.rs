//! What JavaScript calls. It makes room behind everything else by growing the memory, and says where that is.

use crate::Expectations;

/// Kept out of the stack. A module is used once, and then thrown away.
static mut ROOM: Expectations = Expectations::NONE;

/// Unpacks the `length` characters at `text` into the `size` bytes behind them. Functions of what comes out are in its
/// bytes `from` to `to`.
///
/// # Safety
///
/// That memory is there, nobody else uses it, and this is the first call.
#[unsafe(export_name = "u")]
pub(crate) unsafe extern "C" fn unpack(text: *mut u8, length: usize, size: usize, from: usize, to: usize) {
    // SAFETY: the caller's promise. The two parts do not overlap.
    let (text, output, room) = unsafe {
        (
            std::slice::from_raw_parts(text, length),
            std::slice::from_raw_parts_mut(text.add(length), size),
            &mut *(std::ptr::addr_of_mut!(ROOM)),
        )
    };
    crate::unpack(text, output, from..to, room);
}

/// The other way: writes the `length` decisions at `decisions` to `packed`, and makes of them the `size` bytes at
/// `output`. Gives how many bytes were written.
///
/// # Safety
///
/// As [`unpack`]; at `packed` there is room for four bytes for each decision, and one more.
#[cfg(feature = "pack")]
#[unsafe(export_name = "p")]
pub(crate) unsafe extern "C" fn pack(
    decisions: *const u8,
    length: usize,
    output: *mut u8,
    size: usize,
    packed: *mut u8,
    from: usize,
    to: usize,
) -> usize {
    // SAFETY: the caller's promise.
    let (decisions, output, packed, room) = unsafe {
        (
            std::slice::from_raw_parts(decisions, length),
            std::slice::from_raw_parts_mut(output, size),
            std::slice::from_raw_parts_mut(packed, 4 * length + 1),
            &mut *(std::ptr::addr_of_mut!(ROOM)),
        )
    };
    let mut rest = packed.iter_mut();
    let mut count = 0;
    crate::pack(decisions, output, from..to, room, |byte| {
        if let Some(place) = rest.next() {
            *place = byte;
            count += 1;
        }
    });
    count
}
