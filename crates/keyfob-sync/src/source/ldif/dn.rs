//! Distinguished names (RFC 4514), for comparison alone.

use keyfob_core::compare::fold_chars;

/// Returns a text that two names share exactly if they name the same entry: types in lower case, values without escapes, in lower
/// case and with single blanks. None for a text that is no name.
///
/// # Complexity
/// Linear in the text, but for the sorting of the parts of one relative name.
pub(super) fn normalized(dn: &str) -> Option<String> {
    let mut normalized = String::with_capacity(dn.len());
    let mut rest = dn.trim_matches(' ');
    if rest.is_empty() {
        return Some(normalized);
    }
    let mut parts = Vec::new();
    loop {
        let (part, separator, behind) = part(rest)?;
        parts.push(part);
        if separator != Some('+') {
            // The order of the parts says nothing.
            parts.sort_unstable();
            for part in parts.drain(..) {
                normalized.push_str(&part);
                normalized.push('\u{1}');
            }
            normalized.push('\u{2}');
        }
        if separator.is_none() {
            return Some(normalized);
        }
        rest = behind;
    }
}

/// Reads `type=value`. Returns it with the separator behind it, and what follows.
fn part(text: &str) -> Option<(String, Option<char>, &str)> {
    let (kind, mut rest) = text.split_once('=')?;
    let kind = kind.trim_matches(' ');
    let is_of_type = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if kind.is_empty() || !kind.bytes().all(is_of_type) {
        return None;
    }
    rest = rest.trim_start_matches(' ');
    let mut value: Vec<u8> = Vec::new();
    // Blanks at the end are no part of the value unless they are escaped.
    let mut kept = 0;
    let separator = loop {
        let mut characters = rest.chars();
        let Some(character) = characters.next() else {
            break None;
        };
        let behind = characters.as_str();
        match character {
            ',' | ';' => {
                rest = behind;
                break Some(',');
            }
            '+' => {
                rest = behind;
                break Some('+');
            }
            '\\' => {
                rest = if let Some((byte, behind)) = pair(behind) {
                    value.push(byte);
                    behind
                } else {
                    let escaped = characters.next()?;
                    value.extend(escaped.encode_utf8(&mut [0; 4]).bytes());
                    characters.as_str()
                };
                kept = value.len();
            }
            '"' | '<' | '>' => return None,
            _ => {
                value.extend(character.encode_utf8(&mut [0; 4]).bytes());
                if character != ' ' {
                    kept = value.len();
                }
                rest = behind;
            }
        }
    };
    value.truncate(kept);
    let value = String::from_utf8(value).ok()?;
    let mut part = kind.to_ascii_lowercase();
    part.push('=');
    let mut was_blank = false;
    for character in fold_chars(&value) {
        if !(character == ' ' && was_blank) {
            part.push(character);
        }
        was_blank = character == ' ';
    }
    Some((part, separator, rest))
}

/// Reads the two digits of an escaped byte.
fn pair(text: &str) -> Option<(u8, &str)> {
    let (digits, behind) = text.split_at_checked(2)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    Some((byte, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_entry_are_equal_and_those_of_others_are_not() {
        let ada = normalized("uid=ada,ou=people,dc=example,dc=com").unwrap();
        for same in [
            "UID=Ada,OU=People,DC=Example,DC=com",
            " uid = ada , ou = people , dc=example,dc=com ",
            r"uid=\61\64a,ou=people,dc=example,dc=com",
            "uid=ada;ou=people;dc=example;dc=com",
        ] {
            assert_eq!(normalized(same).as_ref(), Some(&ada), "{same}");
        }
        for other in [
            r"uid=ada\,ou\=people,dc=example,dc=com",
            "uid=ada,ou=people,dc=example",
            "uid=ada+ou=people,dc=example,dc=com",
            "cn=ada,ou=people,dc=example,dc=com",
        ] {
            assert_ne!(normalized(other), Some(ada.clone()), "{other}");
        }
        assert_eq!(normalized("cn=A  B,dc=x"), normalized("cn=a b,dc=x"));
        assert_eq!(normalized("cn=a+uid=b,dc=x"), normalized("UID=B+CN=A,dc=x"));
        assert_eq!(normalized(r"cn=a\20,dc=x"), normalized(r"cn=a\ ,dc=x"));
        assert_ne!(normalized(r"cn=a\20,dc=x"), normalized("cn=a ,dc=x"));
        assert_eq!(normalized("cn=Öl,dc=x"), normalized(r"cn=\C3\B6l,dc=x"));
        assert_eq!(normalized(""), Some(String::new()));
    }

    #[test]
    fn what_is_no_name_has_none() {
        for text in [
            "ada",
            "=x",
            "uid=a,",
            "uid=a,,dc=x",
            r"uid=a\",
            r"cn=\ff",
            "u d=a",
            "uid=\"a\"",
            "ü=a",
        ] {
            assert_eq!(normalized(text), None, "{text}");
        }
    }
}
