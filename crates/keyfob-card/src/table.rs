//! Tables of formats in files.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{
    error::{LayoutError, RowError, TableError},
    format::{Certainty, Format, Shape, fold},
    formats::Formats,
    layout::{Field, Layout, Meaning, Other, Parity, Positions},
};

impl Formats {
    /// The table with the formats of a file added: JSON of the form that [`Formats::to_json`] prints.
    ///
    /// A format takes the place of the one with its name. Its certainty is `settled` unless the file says otherwise,
    /// or `sized` or `named` where it has no layout.
    ///
    /// ```
    /// # use keyfob_card::Formats;
    /// let table = br#"[{
    ///     "name": "Acme 28-bit", "aliases": ["Acme28"], "bits": 28, "facility": "2-9", "number": "10-26",
    ///     "others": [{"at": "1", "meaning": "fixed", "value": 1}],
    ///     "parities": [{"bit": 0, "even": "1-13"}, {"bit": 27, "odd": "14-26"}]
    /// }]"#;
    /// let formats = Formats::built_in().clone().with_json(table)?;
    /// let card = formats.get("acme-28")?.card(Some(255), 7)?;
    /// assert_eq!(card.word().map(|word| word.hex()), Some("FFC000E".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the JSON has another form, fields and parities don't fill a word exactly, or names are taken. The table
    /// is taken or refused as a whole.
    pub fn with_json(mut self, json: &[u8]) -> Result<Self, TableError> {
        let rows: Vec<Row> = serde_json::from_slice(json).map_err(TableError::Syntax)?;
        let mut seen = HashSet::new();
        for row in rows {
            let name = SmolStr::from(row.name.as_str());
            let added = row.format().and_then(|format| {
                if !seen.insert(format.folded_name.clone()) {
                    return Err(self.taken(&format.name));
                }
                self.check_names(&format)?;
                self.put(format);
                Ok(())
            });
            added.map_err(|error| TableError::Row { name, error })?;
        }
        Ok(self)
    }

    /// The table as a file: a JSON array, one format a line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let rows = self.as_slice().iter().map(Row::from);
        // A row holds nothing that JSON can't say.
        let rows: Vec<String> = rows.filter_map(|row| serde_json::to_string(&row).ok()).collect();
        format!("[\n{}\n]", rows.join(",\n"))
    }

    /// A format may share its name with the one that it replaces, and nothing else with anyone.
    fn check_names(&self, format: &Format) -> Result<(), RowError> {
        let folded = &format.folded_name;
        let names = std::iter::once(format.name.as_str()).chain(format.aliases());
        for name in names {
            if fold(name).is_empty() {
                return Err(RowError::NoName);
            }
            if self.find(name).is_some_and(|other| other.folded_name != *folded) {
                return Err(self.taken(name));
            }
        }
        Ok(())
    }

    fn taken(&self, name: &str) -> RowError {
        RowError::NameTaken {
            name: name.into(),
            format: self
                .find(name)
                .map_or_else(SmolStr::default, |format| format.name.clone()),
        }
    }
}

/// A format as it stands in a file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certainty: Option<Certainty>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    serial_number: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bits: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facility: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<OtherRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parities: Vec<ParityRow>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct OtherRow {
    at: String,
    meaning: MeaningRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum MeaningRow {
    Fixed,
    IssueLevel,
    Manufacturer,
    Unspecified,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ParityRow {
    bit: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    even: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    odd: Option<String>,
}

impl Row {
    fn format(self) -> Result<Format, RowError> {
        let shape = self.shape()?;
        let unless_said = match shape {
            Shape::Layout(_) => Certainty::Settled,
            Shape::Bits(_) => Certainty::Sized,
            Shape::Unknown => Certainty::Named,
        };
        let certainty = self.certainty.unwrap_or(unless_said);
        let has_layout = matches!(shape, Shape::Layout(_));
        if !has_layout && (certainty <= Certainty::Described || self.serial_number) {
            return Err(RowError::NoLayout);
        }
        Ok(Format {
            folded_name: fold(&self.name),
            name: self.name.into(),
            aliases: self.aliases.into_iter().map(SmolStr::from).collect(),
            certainty,
            serial_number: self.serial_number,
            shape,
        })
    }

    fn shape(&self) -> Result<Shape, RowError> {
        let has_fields = self.facility.is_some() || !self.others.is_empty() || !self.parities.is_empty();
        let Some(number) = &self.number else {
            return match self.bits {
                _ if has_fields => Err(RowError::NoNumber),
                Some(bits @ 1..=128) => Ok(Shape::Bits(bits)),
                Some(bits) => Err(LayoutError::Width { bits }.into()),
                None => Ok(Shape::Unknown),
            };
        };
        let layout = Layout {
            bits: self.bits.ok_or(RowError::NoBits)?,
            facility: self.facility.as_deref().map(field).transpose()?,
            number: field(number)?,
            others: self
                .others
                .iter()
                .map(OtherRow::other)
                .collect::<Result<_, _>>()?,
            parities: self
                .parities
                .iter()
                .map(ParityRow::parity)
                .collect::<Result<_, _>>()?,
        };
        layout.check()?;
        if self.serial_number && layout.facility.is_some() {
            return Err(RowError::SerialNumber);
        }
        Ok(Shape::Layout(layout))
    }
}

impl From<&Format> for Row {
    fn from(format: &Format) -> Self {
        let layout = format.layout();
        Self {
            name: format.name().to_owned(),
            aliases: format.aliases().map(str::to_owned).collect(),
            certainty: Some(format.certainty),
            serial_number: format.serial_number,
            bits: format.bits(),
            facility: layout.and_then(Layout::facility).map(|field| field.to_string()),
            number: layout.map(|layout| layout.number().to_string()),
            others: layout.map_or_else(Vec::new, |layout| {
                layout.others().iter().map(OtherRow::from).collect()
            }),
            parities: layout.map_or_else(Vec::new, |layout| {
                layout.parities().iter().map(ParityRow::from).collect()
            }),
        }
    }
}

impl OtherRow {
    fn other(&self) -> Result<Other, RowError> {
        let meaning = match (self.meaning, self.value) {
            (MeaningRow::Fixed, Some(value)) => Meaning::Fixed(value),
            (MeaningRow::Manufacturer, Some(value)) => Meaning::Manufacturer(value),
            (MeaningRow::IssueLevel, None) => Meaning::IssueLevel,
            (MeaningRow::Unspecified, None) => Meaning::Unspecified,
            _ => return Err(RowError::Value),
        };
        Ok(Other {
            field: field(&self.at)?,
            meaning,
        })
    }
}

impl From<&Other> for OtherRow {
    fn from(other: &Other) -> Self {
        let (meaning, value) = match other.meaning() {
            Meaning::Fixed(value) => (MeaningRow::Fixed, Some(value)),
            Meaning::Manufacturer(value) => (MeaningRow::Manufacturer, Some(value)),
            Meaning::IssueLevel => (MeaningRow::IssueLevel, None),
            Meaning::Unspecified => (MeaningRow::Unspecified, None),
        };
        Self {
            at: other.field().to_string(),
            meaning,
            value,
        }
    }
}

impl ParityRow {
    fn parity(&self) -> Result<Parity, RowError> {
        let (odd, over) = match (&self.even, &self.odd) {
            (Some(over), None) => (false, over),
            (None, Some(over)) => (true, over),
            _ => return Err(RowError::Parity { bit: self.bit }),
        };
        Ok(Parity {
            bit: self.bit,
            odd,
            over: positions(over)?,
        })
    }
}

impl From<&Parity> for ParityRow {
    fn from(parity: &Parity) -> Self {
        let over = Some(parity.over().to_string());
        let (even, odd) = if parity.is_odd() {
            (None, over)
        } else {
            (over, None)
        };
        Self {
            bit: parity.bit(),
            even,
            odd,
        }
    }
}

/// Reads bits such as `1-8,10`.
fn positions(text: &str) -> Result<Positions, RowError> {
    text.split(',').try_fold(Positions::EMPTY, |all, part| {
        let (first, last) = range(part).ok_or_else(|| RowError::Positions { text: text.into() })?;
        Ok(all.union(Positions::span(first, last)))
    })
}

/// Reads neighbouring bits such as `1-8` or `3`.
fn field(text: &str) -> Result<Field, RowError> {
    let (first, last) = range(text).ok_or_else(|| RowError::Field { text: text.into() })?;
    Ok(Field::new(first, last))
}

fn range(text: &str) -> Option<(u8, u8)> {
    let bit = |text: &str| text.trim_ascii().parse::<u8>().ok().filter(|bit| *bit < 128);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (bit(first)?, bit(last)?);
    (first <= last).then_some((first, last))
}
