//! Functions that encode text.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Definition, Kind, optional, required};
use crate::{
    evaluate::{Call, EvaluateErrorKind, Evaluated, NULL},
    expression::Word,
};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "ConvertToBase64",
        &[required("source", Kind::Text).each()],
        Kind::Text,
        convert_to_base64,
    ),
    Definition::new(
        "ConvertFromBase64",
        &[
            required("source", Kind::Text).each(),
            optional("Encoding", Kind::Encoding),
        ],
        Kind::Text,
        convert_from_base64,
    )
    .of_cloud_sync(),
    Definition::new(
        "StringFromSid",
        &[required("ObjectSID", Kind::Text).each()],
        Kind::Text,
        string_from_sid,
    )
    .of_cloud_sync(),
    Definition::new(
        "ConvertToUTF8Hex",
        &[required("source", Kind::Text).each()],
        Kind::Text,
        convert_to_utf8_hex,
    ),
];

/// Base64 of UTF-16, the lower byte first.
fn convert_to_base64<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let Some(source) = call.text(0)? else {
        return Ok(NULL);
    };
    let bytes: Vec<u8> = source.encode_utf16().flat_map(u16::to_le_bytes).collect();
    call.made(STANDARD.encode(bytes))
}

fn convert_from_base64<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let Some(source) = call.text(0)? else {
        return Ok(NULL);
    };
    let encoding = call.text(1)?.unwrap_or_default();
    let of = match encoding.as_str() {
        ascii if ascii == Word::Ascii.as_str() => "a text in ASCII",
        utf8 if utf8 == Word::Utf8.as_str() => "a text in UTF-8",
        _ => "a text in UTF-16",
    };
    let decoded = || {
        let bytes = STANDARD.decode(source.as_str()).ok()?;
        if encoding == Word::Ascii.as_str() {
            return String::from_utf8(bytes).ok().filter(|text| text.is_ascii());
        }
        if encoding == Word::Utf8.as_str() {
            return String::from_utf8(bytes).ok();
        }
        let (units, odd) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        if odd.is_empty() {
            String::from_utf16(&units).ok()
        } else {
            None
        }
    };
    match decoded() {
        Some(text) => call.made(text),
        None => Err(call.fail_at(0, EvaluateErrorKind::Base64 { of })),
    }
}

/// The text of a security identifier (MS-DTYP section 2.4.2.1), of whose bytes JSON holds the base64; one that is written
/// already stays.
fn string_from_sid<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let Some(source) = call.text(0)? else {
        return Ok(NULL);
    };
    if source.starts_with("S-1-") {
        return call.made(source);
    }
    let written = || {
        let bytes = STANDARD.decode(source.as_str()).ok()?;
        let ([1, count, authority @ ..], rest) = bytes.split_first_chunk::<8>()? else {
            return None;
        };
        let (parts, []) = rest.as_chunks::<4>() else {
            return None;
        };
        if parts.len() != usize::from(*count) {
            return None;
        }
        let authority = authority
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let mut sid = format!("S-1-{authority}");
        for part in parts {
            write!(sid, "-{}", u32::from_le_bytes(*part)).ok()?;
        }
        Some(sid)
    };
    match written() {
        Some(sid) => call.made(sid),
        None => Err(call.fail_at(
            0,
            EvaluateErrorKind::Base64 {
                of: "a security identifier",
            },
        )),
    }
}

fn convert_to_utf8_hex<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let Some(source) = call.text(0)? else {
        return Ok(NULL);
    };
    let mut hex = String::with_capacity(source.len() * 2);
    for byte in source.bytes() {
        write!(hex, "{byte:02X}").ok();
    }
    call.made(hex)
}
