//! Functions that encode text.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Definition, Kind, required};
use crate::evaluate::{Call, EvaluateErrorKind, Evaluated, NULL};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "ConvertToBase64",
        &[required("source", Kind::Text).each()],
        Kind::Text,
        convert_to_base64,
    ),
    Definition::new(
        "ConvertFromBase64",
        &[required("source", Kind::Text).each()],
        Kind::Text,
        convert_from_base64,
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
    let decoded = || {
        let bytes = STANDARD.decode(source.as_str()).ok()?;
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
        None => Err(call.fail_at(0, EvaluateErrorKind::Base64)),
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
