//! The replacement of a match: text, groups and the surroundings of the match.

use super::{
    groups::{Group, Groups},
    set::is_word,
};

/// A replacement, read against the groups of a pattern.
///
/// `$1`, `${1}` and `${name}` are groups, `$&` the match, `` $` `` and `$'` what stands before and after it, `$_` the
/// whole text, `$+` the last group and `$$` a dollar. A reference to a group that there is not is plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The code units of plain text.
    Text(Vec<u16>),
    Group(Group),
    Before,
    After,
    Input,
}

impl Replacement {
    /// Reads a replacement.
    pub(super) fn new(text: &str, groups: &Groups) -> Self {
        let mut parts = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            plain.extend(before.encode_utf16());
            let Some((part, after)) = reference(after, groups) else {
                plain.extend("$".encode_utf16());
                rest = after;
                continue;
            };
            rest = after;
            if let Part::Text(text) = part {
                plain.extend(text);
                continue;
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(part);
        }
        plain.extend(rest.encode_utf16());
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Self { parts }
    }
}

/// Returns what follows a dollar, and the rest of the text.
fn reference<'t>(text: &'t str, groups: &Groups) -> Option<(Part, &'t str)> {
    let mut rest = text.chars();
    let part = match rest.next()? {
        '$' => Part::Text("$".encode_utf16().collect()),
        '&' => Part::Group(Group::WHOLE),
        '`' => Part::Before,
        '\'' => Part::After,
        '_' => Part::Input,
        '+' => Part::Group(groups.last()),
        '{' => {
            let (name, after) = rest.as_str().split_once('}')?;
            let is_name = name.chars().all(is_word);
            return groups
                .named(name)
                .filter(|_| is_name)
                .map(|group| (Part::Group(group), after));
        }
        '0'..='9' => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, after) = text.split_at_checked(digits)?;
            return groups.named(digits).map(|group| (Part::Group(group), after));
        }
        _ => return None,
    };
    Some((part, rest.as_str()))
}
