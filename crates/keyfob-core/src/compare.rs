//! The one way in which values are compared (RFC 7643 section 2.2, RFC 7644 section 5).

mod fold;
mod user_name;

use std::borrow::Cow;

use smol_str::{SmolStr, SmolStrBuilder, format_smolstr};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub use self::{
    fold::fold_chars,
    user_name::{Fault, UserNameError, check_user_name},
};
use crate::{
    schema::{Attribute, AttributeType},
    time::DateTime,
    value::Value,
};

/// How the texts of an attribute are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "whoever compares has to know every form")]
pub enum Collation {
    /// Composed, as caseExact attributes are.
    Exact,
    /// Composed and folded, as all other attributes are.
    Caseless,
    /// Prepared as a user name, as RFC 7644 section 5 demands of `userName`.
    UserName,
}

impl Collation {
    /// Its name in what stores persist.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Caseless => "caseless",
            Self::UserName => "username",
        }
    }

    /// The text as the substring operators and the orderings compare it, but for its case: composed by canonical
    /// composition (NFC), and with [`UserName`](Self::UserName) width-mapped and in lower case before.
    ///
    /// # Complexity
    /// Linear; allocates only for a text that changes, and ASCII never does.
    #[must_use]
    pub fn compose(self, text: &str) -> Cow<'_, str> {
        if text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let composed = compose(text);
        if self == Self::UserName {
            return Cow::Owned(user_name::map(&composed));
        }
        composed
    }
}

/// What stands for a value wherever it is compared: in unique keys, indexes, filters and PATCH.
///
/// Two texts are the same value of an attribute exactly if their keys are equal. Nothing else compares values, and
/// stores persist keys, so that a write is refused as a duplicate exactly if `eq` finds the one that it collides with.
///
/// | [`Collation`] | key |
/// |---|---|
/// | [`Exact`](Collation::Exact) | composed (NFC) |
/// | [`Caseless`](Collation::Caseless) | composed, and its case folded by Unicode's simple case folding |
/// | [`UserName`](Collation::UserName) | composed, width-mapped, in lower case, composed and folded |
///
/// The mapping of user names is that of `UsernameCaseMapped` (RFC 8265 section 3.3), folded at the end as its
/// predecessor preferred it (RFC 7613 section 3.2.2, to which RFC 7644 refers): `Σ`, `σ` and `ς` are one letter. A text that
/// the profile doesn't take, as directories hold them with blanks and symbols, has the same mapping and a blank as a
/// mark before it. No text that the profile takes begins with a blank, so that the two kinds never collide.
///
/// ```
/// use keyfob_core::{Collation, CompareKey};
///
/// let key = |text| CompareKey::new(Collation::UserName, text);
/// assert_eq!(key("José@example.com"), key("jose\u{301}@EXAMPLE.com"));
/// assert_eq!(key("ｊｏｓé@example.com"), key("josé@example.com"));
/// assert_eq!(key("Jane Doe").as_str(), " jane doe");
/// assert_eq!(key("Jane Doe").text(Collation::UserName), "jane doe");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompareKey(SmolStr);

/// What stands before a user name that could not be prepared.
const UNPREPARED: char = ' ';

impl CompareKey {
    /// Grows whenever some text gets another key, so that stores know which keys they hold.
    pub const VERSION: u32 = 1;

    /// The key of a text.
    ///
    /// # Complexity
    /// Linear; ASCII is neither composed nor looked up in any table.
    #[must_use]
    pub fn new(collation: Collation, text: &str) -> Self {
        let composed = collation.compose(text);
        Self(match collation {
            Collation::Exact => composed.into(),
            Collation::Caseless => fold::fold(&composed),
            Collation::UserName if user_name::is_prepared(text) => fold::fold(&composed),
            Collation::UserName => {
                let mut marked = SmolStrBuilder::new();
                marked.push(UNPREPARED);
                fold_chars(&composed).for_each(|character| marked.push(character));
                marked.finish()
            }
        })
    }

    /// As [`new`](Self::new), and shares a text that is its own key.
    #[must_use]
    pub fn of(collation: Collation, text: &SmolStr) -> Self {
        Self::own(collation, text).unwrap_or_else(|| Self::new(collation, text))
    }

    /// Returns the key of a text that is its own key, as one look at each byte tells of most; none of a text that has to be
    /// [looked at more closely](Self::new), and may be its own key all the same.
    #[must_use]
    #[inline]
    pub fn own(collation: Collation, text: &SmolStr) -> Option<Self> {
        is_own_key(collation, text).then(|| Self(text.clone()))
    }

    /// Returns the key of an instant. Keys of instants have their order.
    ///
    /// ```
    /// use keyfob_core::CompareKey;
    ///
    /// let key = |text: &str| Ok::<_, keyfob_core::time::DateTimeError>(CompareKey::instant(text.parse()?));
    /// assert_eq!(key("2026-01-01T12:00:00Z")?, key("2026-01-01T14:00:00.000+02:00")?);
    /// assert!(key("1969-12-31T23:59:59Z")? < key("2026-01-01T12:00:00.0000001Z")?);
    /// # Ok::<(), keyfob_core::time::DateTimeError>(())
    /// ```
    #[must_use]
    pub fn instant(instant: DateTime) -> Self {
        let (seconds, nanoseconds) = instant.unix_time();
        Self(format_smolstr!("{:016x}{nanoseconds:08x}", shifted(seconds)))
    }

    /// Returns the key of a number; none for a value that is no number. Keys of numbers have their order, exactly and
    /// whatever their types.
    ///
    /// ```
    /// use keyfob_core::{CompareKey, Value};
    ///
    /// let key = |value: Value| CompareKey::number(&value);
    /// assert_eq!(key(Value::Integer(2)), key(Value::Decimal(2.0)));
    /// assert!(key(Value::Decimal(-2.5)) < key(Value::Integer(-2)));
    /// // No `f64` is between them, and yet they differ.
    /// let large = 9_007_199_254_740_993;
    /// assert!(key(Value::Decimal(9_007_199_254_740_992.0)) < key(Value::Integer(large)));
    /// assert_eq!(key(Value::Bool(true)), None);
    /// ```
    #[must_use]
    pub fn number(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(integer) => Some(Self(format_smolstr!("{:016x}", shifted(*integer)))),
            Value::Decimal(decimal) => Some(Self(decimal_key(*decimal))),
            _ => None,
        }
    }

    /// The key of a text that is its own key, such as the number of a card that a rule reserves.
    #[must_use]
    pub fn verbatim(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// Returns true if the text has one of these keys, all of which are of the collation.
    ///
    /// ```
    /// use keyfob_core::{Collation, CompareKey};
    ///
    /// let keys = ["Ada", "Grace"].map(|name| CompareKey::new(Collation::UserName, name));
    /// assert!(CompareKey::is_among(Collation::UserName, "GRACE", &keys));
    /// assert!(!CompareKey::is_among(Collation::UserName, "Joan", &keys));
    /// ```
    ///
    /// # Complexity
    /// Linear in the text and the number of keys. The text is prepared once.
    #[must_use]
    pub fn is_among<'k>(collation: Collation, text: &str, keys: impl IntoIterator<Item = &'k Self>) -> bool {
        let mut keys = keys.into_iter();
        if is_own_key(collation, text) {
            return keys.any(|key| key.0 == *text);
        }
        let own = Self::new(collation, text);
        keys.any(|key| *key == own)
    }

    /// The key, as stores persist it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key without the mark of a user name that could not be prepared: the text that the substring operators and the
    /// orderings compare. The collation is the one with which the key was made.
    #[must_use]
    pub fn text(&self, collation: Collation) -> &str {
        match collation {
            Collation::UserName => self.0.strip_prefix(UNPREPARED).unwrap_or(&self.0),
            Collation::Exact | Collation::Caseless => &self.0,
        }
    }

    /// Returns true if the text has this key.
    ///
    /// # Complexity
    /// Linear, and without allocating for ASCII.
    #[must_use]
    pub fn is_of(&self, collation: Collation, text: &str) -> bool {
        match collation {
            Collation::Exact => self.0 == *collation.compose(text),
            Collation::Caseless => fold::folds_to(&collation.compose(text), &self.0),
            Collation::UserName if text.is_ascii() => {
                let own = self.text(collation);
                let is_prepared = own.len() == self.0.len();
                text.eq_ignore_ascii_case(own) && is_prepared == user_name::is_prepared(text)
            }
            Collation::UserName => *self == Self::new(collation, text),
        }
    }
}

/// Returns true if a text is its own key, as one look at each byte tells of most: it is neither copied then nor looked up in
/// any table. False may be wrong.
fn is_own_key(collation: Collation, text: &str) -> bool {
    let is_folded = |byte: u8| !byte.is_ascii_uppercase();
    match collation {
        Collation::Exact => text.is_ascii(),
        Collation::Caseless => text.bytes().all(|byte| byte.is_ascii() && is_folded(byte)),
        // A user name of these is prepared.
        Collation::UserName => {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && is_folded(byte))
        }
    }
}

/// The number without a sign that has the same place in order.
fn shifted(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

/// The whole part as an integer has it, and after it the rest, unless there is none.
fn decimal_key(decimal: f64) -> SmolStr {
    /// 2⁶³, which no integer reaches.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if decimal >= BOUND {
        return format_smolstr!("g{:016x}", decimal.to_bits());
    }
    if decimal < -BOUND {
        return format_smolstr!("-{:016x}", !decimal.to_bits());
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
    let whole = decimal.trunc() as i64;
    let rest = decimal.fract();
    if rest < 0.0 {
        // What begins with the key of an integer comes after it. So -2.5 begins with the key of -3.
        return format_smolstr!(
            "{:016x}z{:016x}",
            shifted(whole.saturating_sub(1)),
            !rest.to_bits()
        );
    }
    if rest > 0.0 {
        return format_smolstr!("{:016x}+{:016x}", shifted(whole), rest.to_bits());
    }
    format_smolstr!("{:016x}", shifted(whole))
}

impl AsRef<str> for CompareKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<CompareKey> for SmolStr {
    fn from(key: CompareKey) -> Self {
        key.0
    }
}

impl Attribute {
    /// How its texts are compared.
    ///
    /// RFC 7644 section 5 names `userName` itself, so that every attribute of this name is prepared, be it of a schema of
    /// the application's, unless it is caseExact.
    #[must_use]
    pub fn collation(&self) -> Collation {
        match self.kind {
            // Base64 means other bytes in another case, whatever a schema says.
            AttributeType::Binary => Collation::Exact,
            _ if self.case_exact => Collation::Exact,
            AttributeType::String if self.name.is("userName") => Collation::UserName,
            _ => Collation::Caseless,
        }
    }

    /// The key of a text of this attribute.
    #[must_use]
    pub fn compare_key(&self, text: &str) -> CompareKey {
        CompareKey::new(self.collation(), text)
    }
}

/// The text composed by canonical composition.
fn compose(text: &str) -> Cow<'_, str> {
    // Below the combining marks every character is composed already, Latin with its usual accents among them.
    let is_composed = text.chars().all(|character| character < '\u{300}')
        || is_nfc_quick(text.chars()) == IsNormalized::Yes;
    if is_composed {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

#[cfg(test)]
mod tests {
    use precis_core::profile::Profile;

    use super::*;

    fn key(collation: Collation, text: &str) -> CompareKey {
        CompareKey::new(collation, text)
    }

    #[test]
    fn texts_that_are_the_same_share_a_key() {
        for (collation, texts) in [
            (Collation::Exact, &["é", "e\u{301}"][..]),
            (Collation::Exact, &["Å", "A\u{30a}", "\u{212b}"]),
            (
                Collation::Exact,
                &["각", "가\u{11a8}", "\u{1100}\u{1161}\u{11a8}"],
            ),
            (Collation::Caseless, &["É", "é", "E\u{301}", "e\u{301}"]),
            (Collation::Caseless, &["ΟΔΌΣ", "οδός", "οδόσ"]),
            (Collation::Caseless, &["ẞ", "ß"]),
            (
                Collation::UserName,
                &["BJensen", "bjensen", "ｂｊｅｎｓｅｎ", "ＢＪＥＮＳＥＮ"],
            ),
            (Collation::UserName, &["ΟΔΌΣ", "οδός", "οδόσ"]),
            (
                Collation::UserName,
                &["각", "가\u{11a8}", "\u{1100}\u{1161}\u{11a8}"],
            ),
            (Collation::UserName, &["ガ", "カ\u{3099}", "ｶﾞ"]),
            (Collation::UserName, &["kate", "\u{212a}ate", "ＫATE"]),
            (Collation::UserName, &["Jane Doe", "jane doe", "ｊａｎｅ doe"]),
            (Collation::UserName, &["i\u{307}", "İ", "I\u{307}"]),
        ] {
            for text in texts {
                assert_eq!(
                    key(collation, text),
                    key(collation, texts[0]),
                    "{collation:?} {text}"
                );
                assert!(
                    key(collation, texts[0]).is_of(collation, text),
                    "{collation:?} {text}"
                );
            }
        }
    }

    #[test]
    fn texts_that_differ_have_keys_that_do() {
        for (collation, left, right) in [
            (Collation::Exact, "a", "A"),
            (Collation::Exact, "ａ", "a"),
            (Collation::Caseless, "ß", "ss"),
            (Collation::Caseless, "ı", "i"),
            (Collation::Caseless, "ａ", "a"),
            (Collation::Caseless, "é", "e"),
            (Collation::UserName, "ß", "ss"),
            (Collation::UserName, "ı", "i"),
            (Collation::UserName, "é", "e"),
            (Collation::UserName, "janedoe", "jane doe"),
            (Collation::UserName, "o'brien", "obrien"),
            // A compatibility character that the profile refuses is not the letter that it folds to.
            (Collation::UserName, "ſam", "sam"),
            (Collation::UserName, "", " "),
        ] {
            assert_ne!(key(collation, left), key(collation, right), "{left} {right}");
            assert!(!key(collation, left).is_of(collation, right), "{left} {right}");
            assert!(!key(collation, right).is_of(collation, left), "{left} {right}");
        }
    }

    #[test]
    fn the_keys_of_all_characters_are_those_of_the_version() {
        // FNV-1a, as what it is computed with must not change either. Where this fails because a crate knows another
        // Unicode, `VERSION` has to grow, so that stores make their keys anew.
        let mut digest = 0xcbf2_9ce4_8422_2325_u64;
        // Where cases, widths, compositions and what shows nothing lie; the ideographs have none of them.
        let blocks = [
            '\0'..='\u{33ff}',
            '\u{a490}'..='\u{abff}',
            '\u{f900}'..='\u{ffff}',
            '\u{10000}'..='\u{118ff}',
        ];
        for character in blocks.into_iter().flatten() {
            let text = String::from(character);
            for collation in [Collation::Exact, Collation::Caseless, Collation::UserName] {
                for byte in key(collation, &text).as_str().bytes().chain([0xff]) {
                    digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        assert_eq!((CompareKey::VERSION, digest), (1, 6_371_603_127_210_777_304));
    }

    fn numbers() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;

        prop_oneof![
            any::<i64>().prop_map(Value::Integer),
            (-3_i64..3).prop_map(Value::Integer),
            (-3_i64..3).prop_map(|near| Value::Integer(9_007_199_254_740_992 + near)),
            proptest::num::f64::NORMAL.prop_map(Value::Decimal),
            (-12_i32..12).prop_map(|quarters| Value::Decimal(f64::from(quarters) / 4.0)),
            prop_oneof![
                Just(-0.0),
                Just(5e-324),
                Just(-5e-324),
                Just(-9_223_372_036_854_775_808.0)
            ]
            .prop_map(Value::Decimal),
        ]
    }

    /// The number in units of which any `f64` from 2⁻¹⁰⁷⁴ on is a whole number: its sign and its digits in base 2.
    fn exactly(value: &Value) -> (bool, Vec<u32>) {
        let (is_negative, mantissa, exponent) = match value {
            Value::Integer(integer) => (*integer < 0, integer.unsigned_abs(), 0),
            Value::Decimal(decimal) => {
                let bits = decimal.to_bits();
                let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap();
                let fraction = bits & ((1 << 52) - 1);
                match exponent {
                    0 => (*decimal < 0.0, fraction, -1074),
                    _ => (*decimal < 0.0, fraction | 1 << 52, exponent - 1075),
                }
            }
            other => panic!("{other:?} is no number"),
        };
        let mut places: Vec<i32> = (0..64)
            .filter(|bit| mantissa >> bit & 1 == 1)
            .map(|bit| bit + exponent)
            .collect();
        // The places of ones from the highest on: of two numbers without a sign the greater one has the greater list.
        places.reverse();
        let flip = |place: i32| {
            if is_negative {
                u32::try_from(4_000 - place).unwrap()
            } else {
                u32::try_from(4_000 + place).unwrap()
            }
        };
        let mut digits: Vec<u32> = places.into_iter().map(flip).collect();
        if is_negative {
            // Of two lists below zero the one that ends first is the greater one.
            digits.push(u32::MAX);
        }
        (!is_negative, digits)
    }

    proptest::proptest! {
        #[test]
        fn keys_of_numbers_have_their_order(left in numbers(), right in numbers()) {
            let keys = CompareKey::number(&left).cmp(&CompareKey::number(&right));
            assert_eq!(keys, exactly(&left).cmp(&exactly(&right)), "{left:?} {right:?}");
        }

        #[test]
        fn keys_of_instants_have_their_order(left in proptest::num::i64::ANY, right in -2_000_i64..2_000) {
            for other in [right, left.saturating_add(right)] {
                let [left, right] = [left, other].map(DateTime::from_unix_millis);
                assert_eq!(CompareKey::instant(left).cmp(&CompareKey::instant(right)), left.cmp(&right));
            }
        }

        #[test]
        fn each_way_to_a_key_is_the_same(text in "[a-zA-Z ' éÉ\u{300}-\u{303}ßẞıİiΣςσａＡｶﾞ가-갃\u{1100}-\u{1113}\u{1161}-\u{1175}’]{0,6}",
                                         other in "[aAeéE\u{301} ']{0,3}") {
            for collation in [Collation::Exact, Collation::Caseless, Collation::UserName] {
                let new = key(collation, &text);
                assert_eq!(CompareKey::of(collation, &SmolStr::new(&text)), new);
                assert!(new.is_of(collation, &text));
                assert_eq!(new.is_of(collation, &other), new == key(collation, &other));
                let keys = [key(collation, "x"), key(collation, &other)];
                assert_eq!(CompareKey::is_among(collation, &text, &keys), keys.contains(&new));
                // Canonically equivalent texts are one value (RFC 8264 section 5.2.4).
                let decomposed: String = text.nfd().collect();
                assert_eq!(key(collation, &decomposed), new);
                // What `eq` finds, `sw` finds.
                let of = |text: &str| fold::fold(&collation.compose(text));
                if collation != Collation::Exact {
                    assert_eq!(of(&text), new.text(collation));
                    assert_eq!(of(&of(&text)), of(&text));
                }
            }
            // What the profile takes is compared as it says, and folded.
            if let Ok(prepared) = precis_profiles::UsernameCaseMapped::new().enforce(text.as_str()) {
                assert_eq!(key(Collation::UserName, &text).as_str(), fold::fold(&prepared));
            }
        }
    }
}
