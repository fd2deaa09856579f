//! UTF-16 code units, which are what .NET matches: `.` takes half of a character outside the basic plane.
//!
//! A pattern is read as characters, of which those outside the basic plane are two. Each half is a character of a plane
//! for private use there; no other character outside the basic plane is left, and so nothing can be mistaken for a half.

/// The difference between the number of a half and that of the character for it.
const HALVES: u32 = 0x10_0000;

/// The characters of a pattern, one for each code unit.
pub(super) fn split(pattern: &str) -> Vec<char> {
    pattern.encode_utf16().filter_map(from_unit).collect()
}

/// The character that stands for a code unit.
pub(super) fn from_unit(unit: u16) -> Option<char> {
    let unit = u32::from(unit);
    char::from_u32(unit).or_else(|| char::from_u32(unit + HALVES))
}

/// The code unit that a character stands for; characters are in the order of these.
pub(super) fn to_unit(character: char) -> u16 {
    let number = u32::from(character);
    u16::try_from(number)
        .or_else(|_| u16::try_from(number - HALVES))
        .unwrap_or(0xFFFD)
}
