//! Where reports go.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use keyfob_interop::simulate::Report;

use crate::{Unusable, output};

/// The form of a report, and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    form: Form,
    /// Standard output if there is none.
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    JUnit,
    Html,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (form, file) = match text.split_once('=') {
            Some((form, file)) => (form, Some(file)),
            None => (text, None),
        };
        let form = match form {
            "text" => Form::Text,
            "json" => Form::Json,
            "junit" => Form::JUnit,
            "html" => Form::Html,
            _ => return Err("a report is text, json, junit or html, with `=` and a file after it".into()),
        };
        if file == Some("") {
            return Err("the name of the file after `=` is missing".into());
        }
        Ok(Self {
            form,
            file: file.map(PathBuf::from),
        })
    }
}

/// Refuses reports that would get in each other's way.
pub(super) fn check(reports: &[Destination], transcript: Option<&Path>) -> Result<(), Unusable> {
    let on_stdout = reports.iter().filter(|report| report.file.is_none()).count();
    if on_stdout > 1 {
        return Err(Unusable::new(
            "only one report goes to standard output; write the others into files, such as `--report html=report.html`",
        ));
    }
    let mut files: Vec<&Path> = reports
        .iter()
        .filter_map(|report| report.file.as_deref())
        .chain(transcript)
        .collect();
    files.sort();
    match files.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => {
            let file = pair
                .first()
                .map(|file| file.display().to_string())
                .unwrap_or_default();
            Err(Unusable::new(format_args!("`{file}` is to be written twice")))
        }
        None => Ok(()),
    }
}

/// Writes the reports and the transcript.
pub(super) fn write(
    report: &Report,
    reports: &[Destination],
    transcript: Option<&Path>,
) -> Result<(), Unusable> {
    if let Some(file) = transcript {
        into(file, &report.har())?;
    }
    for Destination { form, file } in reports {
        let text = match form {
            Form::Text => report.text().into_bytes(),
            Form::Json => report.json(),
            Form::JUnit => report.junit().into_bytes(),
            Form::Html => report.html().into_bytes(),
        };
        match (form, file) {
            (_, Some(file)) => into(file, &text)?,
            (Form::Json, None) => output::json(text)?,
            // These have escaped what they repeat.
            (_, None) => output::document(&text)?,
        }
    }
    Ok(())
}

fn into(file: &Path, text: &[u8]) -> Result<(), Unusable> {
    fs::write(file, text)
        .map_err(|error| Unusable::new(format_args!("cannot write `{}`: {error}", file.display())))
}
