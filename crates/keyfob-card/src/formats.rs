//! Tables of card formats, and how they are looked up.

use std::{collections::HashMap, sync::LazyLock};

use smol_str::SmolStr;

use crate::{
    built_in::{self, BuiltIn},
    card::Card,
    error::CardError,
    format::{Format, Shape, fold},
    text::Hex,
    word::Word,
};

/// A table of card formats.
///
/// Names are compared without regard to the case of ASCII letters and to blanks, `-` and `_`.
#[derive(Clone, Debug)]
pub struct Formats {
    rows: Vec<Format>,
    /// Where the format with a folded name or alias stands.
    by_name: HashMap<SmolStr, usize>,
    strictness: Strictness,
}

/// How much has to be known of a format for [`Formats::read`] to accept cards of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strictness {
    /// Its layout, for certain: cards of other formats are refused.
    CertainOnly,
    /// Its name. Where the layout is certain the numbers are held to it; elsewhere they have to fit into as many bits
    /// as the format has, if that is known.
    #[default]
    Structural,
    /// Its name, and the numbers aren't held to anything, even where the layout is certain.
    NameOnly,
}

impl Formats {
    /// The formats that Verkada's documentation names, and a few that are near to them. See the README for what is
    /// known of each.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Formats> = LazyLock::new(|| {
            let mut formats = Formats {
                rows: Vec::new(),
                by_name: HashMap::new(),
                strictness: Strictness::default(),
            };
            for row in built_in::FORMATS {
                formats.put(Format::from(row));
            }
            formats
        });
        &BUILT_IN
    }

    /// The same table, read with another strictness.
    #[must_use]
    pub fn with_strictness(self, strictness: Strictness) -> Self {
        Self { strictness, ..self }
    }

    /// How much has to be known of a format.
    #[must_use]
    pub fn strictness(&self) -> Strictness {
        self.strictness
    }

    /// The formats.
    #[must_use]
    pub fn as_slice(&self) -> &[Format] {
        &self.rows
    }

    /// The format with this name or alias.
    ///
    /// # Errors
    ///
    /// [`CardError::UnknownFormat`] with the names it may have been meant to be.
    pub fn get(&self, name: &str) -> Result<&Format, CardError> {
        self.find(name).ok_or_else(|| CardError::UnknownFormat {
            name: name.into(),
            near: self.near(name),
        })
    }

    /// The cards for which readers send this word: one for each format whose rules it keeps, in the order of the
    /// table. Formats share words, so there is often more than one, and a word can't tell which. Formats without a
    /// known layout are left out.
    #[must_use]
    pub fn identify(&self, word: Word) -> Vec<Card<'_>> {
        let cards = self.rows.iter().filter_map(|format| format.decode(word).ok());
        cards.collect()
    }

    /// The same of a word in hex, all digits of it. They stand for up to four lengths; the cards of shorter words
    /// come first.
    #[must_use]
    pub fn identify_hex(&self, hex: Hex) -> Vec<Card<'_>> {
        hex.words().flat_map(|word| self.identify(word)).collect()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Format> {
        let index = *self.by_name.get(&fold(name))?;
        self.rows.get(index)
    }

    /// Adds a format, or puts it in the place of the one with its name.
    pub(crate) fn put(&mut self, format: Format) {
        let name = format.folded_name.clone();
        let there = self.by_name.get(&name).copied();
        let index = there.unwrap_or(self.rows.len());
        if there.is_some() {
            self.by_name.retain(|_, other| *other != index);
        }
        self.by_name.insert(name, index);
        for alias in &format.aliases {
            self.by_name.insert(fold(alias), index);
        }
        match self.rows.get_mut(index) {
            Some(place) => *place = format,
            None => self.rows.push(format),
        }
    }

    fn near(&self, name: &str) -> Vec<SmolStr> {
        /// Longer texts are no slip of the pen, and comparing them would cost more than the hint is worth.
        const MAX_LEN: usize = 128;
        if name.len() > MAX_LEN {
            return Vec::new();
        }
        let wanted = fold(name);
        let similarity = |name: SmolStr| {
            // Who leaves the end of a name away meant it more surely than who misspelt a shorter one.
            if !wanted.is_empty() && name.starts_with(wanted.as_str()) {
                1.0
            } else {
                strsim::jaro_winkler(&wanted, &name)
            }
        };
        let nearest = |format: &Format| {
            let names = format.aliases().map(fold).chain([format.folded_name.clone()]);
            names.map(similarity).fold(0.0, f64::max)
        };
        let mut near: Vec<_> = self
            .rows
            .iter()
            .map(|format| (nearest(format), &format.name))
            .filter(|(similarity, _)| *similarity >= 0.85)
            .collect();
        near.sort_by(|left, right| right.0.total_cmp(&left.0));
        near.into_iter().take(3).map(|(_, name)| name.clone()).collect()
    }
}

impl From<&BuiltIn> for Format {
    fn from(row: &BuiltIn) -> Self {
        Self {
            name: SmolStr::new_static(row.name),
            folded_name: fold(row.name),
            aliases: row.aliases.iter().copied().map(SmolStr::new_static).collect(),
            certainty: row.certainty,
            serial_number: row.serial_number,
            shape: Shape::clone(&row.shape),
        }
    }
}
